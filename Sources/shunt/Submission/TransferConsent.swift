internal import ContentStore
internal import Glibc
internal import JobModel

/// Asks before more is sent than anybody would send by mistake.
struct TransferConsent {
    let limit = JobLimits.unconfirmedTransfer
    /// `--yes`.
    let isGiven: Bool
    let progress: ProgressDisplay
    let subcommand: String

    /// - Returns: whether a transfer above the limit was agreed to; `false` below it.
    /// - Throws: `refused` where it was not.
    func obtain(_ plan: PlanView) throws -> Bool {
        guard plan.missing > limit else { return isGiven }
        if isGiven { return true }
        let worker = plan.worker.map { "`\($0)`" } ?? "the worker"
        let directories = SnapshotText.largest(plan.largest)
        let size = "\(plan.missing) would be sent to \(worker)"
        let detail = directories.isEmpty ? size : "\(size); the largest are \(directories)"
        guard let terminal = ControllingTerminal.open() else {
            throw ShuntError(
                .refused,
                "\(detail); it is sent with `--yes`, or less of it with a `.shuntignore`",
                hint: "shunt \(subcommand) --help")
        }
        progress.clear()
        guard terminal.ask("\(detail). Send it? [y/N] ") else {
            throw ShuntError(
                .refused, "nothing was sent; a `.shuntignore` names what the job does not need",
                hint: "shunt \(subcommand) --help")
        }
        return true
    }
}

/// The terminal in front of which somebody sits, whatever standard input is connected to.
struct ControllingTerminal: ~Copyable {
    private let descriptor: Int32

    private init(adopting descriptor: Int32) { self.descriptor = descriptor }

    /// - Returns: `nil` where standard error is no terminal: a script has nobody to ask.
    static func open() -> ControllingTerminal? {
        guard StandardStream.error.isTerminal else { return nil }
        let descriptor = Glibc.open("/dev/tty", O_RDWR | O_CLOEXEC)
        return descriptor < 0 ? nil : ControllingTerminal(adopting: descriptor)
    }

    deinit { _ = close(descriptor) }

    /// - Returns: whether the answer was yes; the end of input is a no.
    func ask(_ question: String) -> Bool {
        ["y", "yes"].contains(readLine(after: question)?.lowercased() ?? "")
    }

    /// - Returns: a line that is not shown while it is typed; `nil` at the end of input.
    func askSecretly(_ question: String) -> String? {
        var traits = termios()
        guard tcgetattr(descriptor, &traits) == 0 else { return nil }
        var hidden = traits
        hidden.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(descriptor, TCSAFLUSH, &hidden)
        defer {
            tcsetattr(descriptor, TCSAFLUSH, &traits)
            _ = tell("\n")
        }
        return readLine(after: question, limit: 1024)
    }

    private func readLine(after question: String, limit: Int = 64) -> String? {
        guard tell(question) else { return nil }
        var answer: [UInt8] = []
        while answer.count < limit {
            var byte: UInt8 = 0
            let count = read(descriptor, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            if count == 1 && byte == UInt8(ascii: "\n") { break }
            guard count == 1 else {
                // The end of input leaves the cursor behind the question.
                _ = tell("\n")
                return nil
            }
            answer.append(byte)
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private func tell(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
