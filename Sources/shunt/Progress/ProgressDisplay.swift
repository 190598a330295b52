internal import Dispatch
internal import Synchronization

/// Shunt's own words on standard error while a command works: on a terminal one line that is
/// written over, elsewhere a line for each new thing, with `-q` nothing.
///
/// The line is gone before anything else is printed, so that it never mixes with a job's output.
/// Everything here may be called from any thread.
final class ProgressDisplay: Sendable {
    enum Mode {
        case live
        case plain
        case quiet
    }

    let mode: Mode
    private let state = Mutex(State())
    private let write: @Sendable (String) -> Void
    private let width: @Sendable () -> Int

    private struct State {
        /// What the live line shows; `nil` while there is none.
        var shown: String?
        /// What was announced where lines stay, the last one last.
        var announced: [String] = []
        /// The terminal's cursor stands behind text of somebody else, which must stay.
        var isBehindText = false
        /// When somebody else wrote last.
        var spokenAt = ContinuousClock.now
        /// Counts tickers: one that was stopped may still be about to draw.
        var ticker: UInt64 = 0
    }

    init(
        mode: Mode,
        width: @escaping @Sendable () -> Int = TerminalTraits.width,
        write: @escaping @Sendable (String) -> Void = { _ = StandardStream.error.write($0.utf8) }
    ) {
        self.mode = mode
        self.width = width
        self.write = write
    }

    /// The display that suits standard error.
    static func forStandardError(quiet: Bool) -> ProgressDisplay {
        let traits = TerminalTraits.ofStandardError()
        return ProgressDisplay(mode: quiet ? .quiet : traits.isLive ? .live : .plain)
    }

    /// Shows what is going on.
    ///
    /// - Parameters:
    ///   - activity: said once where lines stay: `taking a snapshot`.
    ///   - detail: changes often and is for the live line alone: `3,120 files`.
    func update(_ activity: String, detail: String? = nil) {
        state.withLock { draw(activity, detail, &$0) }
    }

    private static let remembered = 7

    private func draw(_ activity: String, _ detail: String?, _ state: inout State) {
        switch mode {
        case .quiet: break
        case .plain:
            // Of things that go on beside each other, each is told once, however they alternate.
            let isKnown =
                detail == nil
                ? state.announced.last == activity
                : state.announced.contains(activity)
            guard !isKnown else { return }
            state.announced = state.announced.suffix(Self.remembered) + [activity]
            write("shunt: \(activity)\n")
        case .live:
            let text = "shunt: " + activity + (detail.map { ", \($0)" } ?? "")
            // The last column stays free: a terminal may wrap when it is written to.
            let line = Quoting.truncated(text, to: max(1, width() - 1))
            guard state.shown != line else { return }
            beginLine(&state)
            state.shown = line
            write("\r\u{1b}[K" + line)
        }
    }

    /// Removes the live line until the next ``update(_:detail:)``.
    func clear() {
        state.withLock { Self.clear(&$0, write) }
    }

    /// Prints a line that stays, unless quiet.
    func note(_ line: String) {
        guard mode != .quiet else { return }
        warn(line)
    }

    /// Prints a line that stays, quiet or not: something was lost or left out.
    func warn(_ line: String) {
        state.withLock { state in
            Self.clear(&state, write)
            beginLine(&state)
            write("shunt: \(line)\n")
        }
    }

    /// Removes the live line and keeps it away while the body runs: what it prints stands alone.
    ///
    /// - Parameter leavesOpenLine: whether the body writes to the terminal and ends within a line.
    func withoutLine<Result>(leavesOpenLine: Bool? = nil, _ body: () -> Result) -> Result {
        state.withLock { state in
            Self.clear(&state, write)
            if let leavesOpenLine { state.isBehindText = leavesOpenLine }
            state.spokenAt = .now
            return body()
        }
    }

    /// Gives what is printed next, by whomever, a line of its own.
    func endLine() {
        state.withLock { state in
            Self.clear(&state, write)
            beginLine(&state)
        }
    }

    private func beginLine(_ state: inout State) {
        guard state.isBehindText else { return }
        state.isBehindText = false
        write("\n")
    }

    /// Calls `describe` ten times a second for the live line, until ``ProgressTicker/stop()``.
    func tick(
        _ activity: String, _ describe: @escaping @Sendable () -> String?
    ) -> ProgressTicker {
        update(activity)
        return repeating(every: 100) { [self] state in draw(activity, describe(), &state) }
    }

    /// As ``tick(_:_:)`` while somebody else may write: the live line comes after a second of
    /// silence, twice a second, and never behind a line that is still open.
    func tickWhileSilent(
        _ activity: String, _ describe: @escaping @Sendable () -> String?
    ) -> ProgressTicker {
        if mode == .plain { update(activity) }
        clear()
        return repeating(every: 500) { [self] state in
            let silence = ContinuousClock.now - state.spokenAt
            guard !state.isBehindText, silence >= .seconds(1) else { return }
            draw(activity, describe(), &state)
        }
    }

    /// Calls back with the lock held, in live mode, until the ticker is stopped or another begins.
    private func repeating(
        every milliseconds: Int, _ body: @escaping @Sendable (inout State) -> Void
    ) -> ProgressTicker {
        guard mode == .live else { return ProgressTicker(display: self, timer: nil) }
        let number = state.withLock { state in
            state.ticker += 1
            return state.ticker
        }
        let timer = DispatchSource.makeTimerSource(queue: .global())
        let interval = DispatchTimeInterval.milliseconds(milliseconds)
        timer.schedule(deadline: .now() + interval, repeating: interval)
        timer.setEventHandler { [self] in
            state.withLock { state in
                guard state.ticker == number else { return }
                body(&state)
            }
        }
        timer.resume()
        return ProgressTicker(display: self, timer: timer)
    }

    fileprivate func stopTicker() {
        state.withLock { $0.ticker += 1 }
    }

    private static func clear(_ state: inout State, _ write: (String) -> Void) {
        guard state.shown != nil else { return }
        state.shown = nil
        write("\r\u{1b}[K")
    }
}

/// A live line that renews itself.
struct ProgressTicker {
    fileprivate let display: ProgressDisplay
    fileprivate let timer: (any DispatchSourceTimer)?

    /// Once this returns, the ticker draws nothing more.
    func stop() {
        timer?.cancel()
        display.stopTicker()
    }
}
