package import JobModel

/// `init.ready`: init stands at its barrier, or stood there.
package struct InitProcess: Hashable, Sendable {
    package var process: TaskProcess
    /// The process that becomes the command, waiting until it may.
    package var mainPID: Int32
    package var bootID: String
    /// Absolute path of the cgroup's directory.
    package var cgroup: String?
    /// Init is in a PID namespace of its own, and its numbers are those that count there.
    var isInNamespace: Bool
    /// Directories in hierarchies of cgroup v1 by which limits are enforced.
    package var limitCgroups: [String]

    static let name = "init.ready"

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "ready"),
            let pid = text.number("pid", as: Int32.self), pid > 0,
            let ticks = text.number("start_ticks", as: UInt64.self),
            let main = text.number("main_pid", as: Int32.self),
            let boot = text["boot_id"],
            let method = text["kill"].flatMap(KillMethod.init(rawValue:))
        else { return nil }
        process = TaskProcess(
            pid: pid, startTicks: ticks, killMethod: method,
            enforcesMemory: text["memory_limit"].map { $0 == "enforced" },
            enforcesCPU: text["cpu_limit"].map { $0 == "enforced" })
        mainPID = main
        bootID = boot
        cgroup = text["cgroup"]
        isInNamespace = text["namespace"] == "1"
        limitCgroups = [text["memory_cgroup"], text["cpu_cgroup"]].compactMap(\.self)
    }
}

/// `init.host`: what only the outside of a container knows of its init.
struct HostProcess: Hashable {
    var pid: Int32
    /// See ``TaskProcess``.
    var enforcesMemory: Bool?
    var enforcesCPU: Bool?

    static let name = "init.host"

    init(pid: Int32, enforcesMemory: Bool?, enforcesCPU: Bool?) {
        self.pid = pid
        self.enforcesMemory = enforcesMemory
        self.enforcesCPU = enforcesCPU
    }

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "host"),
            let pid = text.number("pid", as: Int32.self), pid > 1
        else { return nil }
        self.pid = pid
        enforcesMemory = text["memory_limit"].map { $0 == "enforced" }
        enforcesCPU = text["cpu_limit"].map { $0 == "enforced" }
    }

    var encoded: [UInt8] {
        var text = RecordText()
        text.add("pid", pid)
        text.add("memory_limit", enforcesMemory.map { $0 ? "enforced" : "unenforced" })
        text.add("cpu_limit", enforcesCPU.map { $0 ? "enforced" : "unenforced" })
        return text.encoded(kind: "host")
    }
}

/// `running`: the command was executed at this moment.
struct RunningRecord: Hashable {
    static let name = "running"
    var start: Moment

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "running"),
            let start = text.moment("start")
        else { return nil }
        self.start = start
    }
}

/// `tree`: nothing of the command's tree is left.
struct TreeRecord: Hashable {
    static let name = "tree"
    var method: KillMethod
    /// How many processes outlived the command and were ended.
    var leftovers: Int

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "tree"),
            let method = text["method"].flatMap(KillMethod.init(rawValue:)),
            let leftovers = text.number("leftovers", as: Int.self)
        else { return nil }
        self.method = method
        self.leftovers = leftovers
    }
}

/// `exit`: how the command ended, durable before anything else happens.
package struct ExitRecord: Hashable, Sendable {
    package var status: ExitStatus
    /// Why the command was never executed, in words, where that was not for lack of an executable:
    /// an unusable launch file, a working directory that cannot be entered.
    package var problem: String?
    /// Whether a stop or kill of ours reached the command while it lived.
    package var wasStopped: Bool
    /// Absent where the command was never let through the barrier.
    package var start: Moment?
    package var end: Moment
    package var usage: ResourceUsage
    /// Processes of the tree that the kernel killed because it had used more than its limit.
    package var outOfMemoryKills: Int

    static let name = "exit"

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "exit"), let kind = text["kind"],
            let code = text.number("code", as: Int32.self), let end = text.moment("end")
        else { return nil }
        switch kind {
        case "exited": status = .exited(code: code)
        case "signalled":
            guard let signal = text.number("signal", as: Int32.self) else { return nil }
            status = .signalled(signal: signal)
        case "never-ran": status = .neverStarted
        case "exec-failed":
            guard let errno = text.number("errno", as: Int32.self) else { return nil }
            let detail = text["detail"] ?? SystemError.text(errno)
            switch text["step"] {
            case "exec": status = .execFailed(errno: errno)
            case "workdir":
                status = .neverStarted
                problem = "the working directory cannot be entered: \(detail)"
            case "secrets":
                status = .neverStarted
                problem = "its secrets cannot be read from the worker's memory: \(detail)"
            case "mount":
                status = .neverStarted
                problem = "its data cannot be mounted: \(detail)"
            case "launch":
                status = .neverStarted
                problem = "the launch file cannot be used: \(detail)"
            default:
                status = .neverStarted
                problem = "the command could not be set up: \(detail)"
            }
        default: return nil
        }
        wasStopped = text["stopped"] == "1"
        start = text.moment("start").flatMap { $0.steady.milliseconds == 0 ? nil : $0 }
        self.end = end
        usage = ResourceUsage(text)
        outOfMemoryKills = max(0, text.number("oom_kills") ?? 0)
    }
}

/// What the command and the descendants that it waited for have used.
package struct ResourceUsage: Hashable, Sendable {
    package var userMicroseconds: Int64
    package var systemMicroseconds: Int64
    /// Of the largest single process.
    package var maximumResident: ByteCount

    static let none = ResourceUsage(RecordText())

    init(_ text: RecordText) {
        userMicroseconds = max(0, text.number("user_us") ?? 0)
        systemMicroseconds = max(0, text.number("system_us") ?? 0)
        maximumResident = ByteCount(max(0, text.number("maxrss_bytes") ?? 0))
    }

    func add(to text: inout RecordText) {
        text.add("user_us", userMicroseconds)
        text.add("system_us", systemMicroseconds)
        text.add("maxrss_bytes", maximumResident.bytes)
    }
}

extension RecordText {
    func moment(_ name: String) -> Moment? {
        guard let wall = number("\(name)_wall_ms", as: Int64.self),
            let steady = number("\(name)_boot_ms", as: Int64.self),
            Self.sensibleTimes.contains(steady)
        else { return nil }
        return Moment(
            wall: WallTime(milliseconds: wall), steady: SteadyTime(milliseconds: steady))
    }

    mutating func add(_ name: String, _ moment: Moment?) {
        add("\(name)_wall_ms", moment?.wall.milliseconds)
        add("\(name)_boot_ms", moment?.steady.milliseconds)
    }
}
