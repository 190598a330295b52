internal import Glibc
package import JobModel

/// `ended`: the supervisor's durable testimony that the tree is gone, and that the log holds all
/// that it ever wrote but for the gaps that are counted here.
package struct EndedRecord: Hashable, Sendable {
    package var ending: TaskEnding
    /// Why the command was never executed, in words for people; see ``ExitRecord/problem``.
    package var problem: String?
    /// How the tree could be ended; absent where no init ever got so far.
    package var killMethod: KillMethod?
    package var start: Moment?
    package var end: Moment
    package var usage: ResourceUsage
    /// How many processes outlived the command and were ended.
    package var leftovers: Int
    /// How many the kernel killed for using more memory than the task may.
    package var outOfMemoryKills: Int
    /// Logical offset at which the log ends.
    package var logLength: UInt64
    /// Bytes of stdout and stderr that could not be kept. What no gap record of the log tells of
    /// (the disk was full to the end) is in these numbers.
    package var droppedOutput: UInt64
    package var droppedErrors: UInt64
    /// Set where the log could not be synced: what it holds may not survive a power cut.
    package var logSyncErrno: Int32?

    static let name = "ended"

    /// What the agent makes durable and reports of it.
    var report: TaskEnding {
        var report = ending
        report.problem = problem
        let dropped = droppedOutput &+ droppedErrors
        if dropped > 0 {
            let amount = ByteCount(Int64(clamping: dropped))
            report.warnings.append("\(amount) of its output could not be kept: the disk was full")
        }
        if let logSyncErrno {
            let why = String(cString: strerror(logSyncErrno))
            report.warnings.append("its output may not survive a power cut: \(why)")
        }
        if outOfMemoryKills > 0, ending.cause != .outOfMemory {
            let processes = outOfMemoryKills == 1 ? "a process" : "\(outOfMemoryKills) processes"
            report.warnings.append("\(processes) of it used too much memory and was killed")
        }
        if leftovers > 0 {
            let processes = leftovers == 1 ? "a process" : "\(leftovers) processes"
            report.warnings.append("\(processes) outlived the command and had to be ended")
        }
        return report
    }

    /// Makes the kernel's kills the cause of a failure that nobody asked for. A command that ended
    /// with 0 all the same has coped with them.
    mutating func noteOutOfMemory(_ kills: Int) {
        outOfMemoryKills = kills
        guard kills > 0, ending.cause == nil, ending.exit != .exited(code: 0) else { return }
        ending.cause = .outOfMemory
    }

    init(ending: TaskEnding, end: Moment) {
        self.ending = ending
        self.end = end
        usage = .none
        leftovers = 0
        outOfMemoryKills = 0
        logLength = 0
        droppedOutput = 0
        droppedErrors = 0
    }

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "ended"),
            let status = ExitStatus(text), let end = text.moment("end"),
            let length = text.number("log_length", as: UInt64.self)
        else { return nil }
        let cause = text["cause"].map(StopCause.init(rawValue:))
        if cause == .some(nil) { return nil }
        ending = TaskEnding(exit: status, cause: cause ?? nil)
        problem = text["problem"]
        killMethod = text["kill"].flatMap(KillMethod.init(rawValue:))
        start = text.moment("start")
        self.end = end
        usage = ResourceUsage(text)
        leftovers = text.number("leftovers") ?? 0
        outOfMemoryKills = text.number("oom_kills") ?? 0
        logLength = length
        droppedOutput = text.number("dropped_stdout") ?? 0
        droppedErrors = text.number("dropped_stderr") ?? 0
        logSyncErrno = text.number("log_sync_errno")
    }

    var encoded: [UInt8] {
        var text = RecordText()
        ending.exit.add(to: &text)
        text.add("cause", ending.cause?.rawValue)
        text.add("problem", problem)
        text.add("kill", killMethod?.rawValue)
        text.add("start", start)
        text.add("end", end)
        usage.add(to: &text)
        text.add("leftovers", leftovers)
        text.add("oom_kills", outOfMemoryKills)
        text.add("log_length", logLength)
        text.add("dropped_stdout", droppedOutput)
        text.add("dropped_stderr", droppedErrors)
        text.add("log_sync_errno", logSyncErrno)
        return text.encoded(kind: "ended")
    }
}

extension ExitStatus {
    fileprivate init?(_ text: RecordText) {
        let value = text.number("status", as: Int32.self)
        switch (text["kind"], value) {
        case ("exited", let code?): self = .exited(code: code)
        case ("signalled", let signal?): self = .signalled(signal: signal)
        case ("exec-failed", let errno?): self = .execFailed(errno: errno)
        case ("never-started", _): self = .neverStarted
        case ("vanished", _): self = .vanished
        default: return nil
        }
    }

    fileprivate func add(to text: inout RecordText) {
        switch self {
        case .exited(let code):
            text.add("kind", "exited")
            text.add("status", code)
        case .signalled(let signal):
            text.add("kind", "signalled")
            text.add("status", signal)
        case .execFailed(let errno):
            text.add("kind", "exec-failed")
            text.add("status", errno)
        case .neverStarted: text.add("kind", "never-started")
        case .vanished: text.add("kind", "vanished")
        }
    }
}
