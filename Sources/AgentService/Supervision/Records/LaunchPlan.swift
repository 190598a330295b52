package import JobModel

/// All that supervisor and init need to know to run one task, fixed before anything is started.
package struct LaunchPlan: Hashable, Sendable {
    /// A command, as words for `execve` or as a line for `/bin/sh -c`. No word holds a NUL.
    package enum Command: Hashable, Sendable {
        case words([[UInt8]])
        case shell([UInt8])
    }

    /// Where the secrets of a task are. Their values are no part of a plan, which is on a disk.
    package struct Secrets: Hashable, Sendable {
        /// Absolute; goes with the task.
        package var directory: String
        /// Each a file there, and a variable of the command.
        package var names: [String]

        package init(directory: String, names: [String]) {
            self.directory = directory
            self.names = names
        }
    }

    /// Data of the machine that the command finds at a path, read-only. Both absolute.
    package struct Mount: Hashable, Sendable {
        package var source: [UInt8]
        package var target: [UInt8]

        package init(source: [UInt8], target: [UInt8]) {
            self.source = source
            self.target = target
        }
    }

    /// Which ways of ending the tree may be used.
    package enum KillPolicy: String, Hashable, Sendable {
        /// A cgroup of its own where one can be made, else the sweep.
        case automatic = "auto"
        /// The same, with members killed one by one as before Linux 5.14; for tests.
        case members
        /// Never a cgroup.
        case sweep
    }

    /// Names the task for good; stands in the environment of every process of the task as
    /// `SHUNT_TASK_TOKEN`, by which a supervisor finds them if init is killed.
    package var token: String
    /// Names the cgroup: 1 … 64 of `A-Z a-z 0-9 . _ -`. Different for every task of the machine,
    /// whichever coordinator it comes from: tasks in one cgroup would die together.
    package var name: String
    package var command: Command
    /// The whole environment as `NAME=VALUE`, but for the token.
    package var environment: [[UInt8]]
    /// Absolute.
    package var workingDirectory: [UInt8]
    /// The `umask` of the command: what a login of the account has, not what the agent has.
    package var fileModeMask: UInt16 = 0o022
    /// The executable of init, absolute.
    package var initExecutable: String
    /// Made before the command starts, for the task alone.
    package var mounts: [Mount] = []
    /// Counted from the start of the command, on a clock that runs through suspend.
    package var maxDuration: Milliseconds?
    /// What the whole tree may use, where the machine lets init hold it to that.
    package var memoryLimit: ByteCount?
    /// Thousandths of a CPU.
    package var cpuLimit: Int64?
    /// What a stop begins with.
    package var stopSignal: Int32 = 15
    /// From ``stopSignal`` to SIGKILL when `maxDuration` is over.
    package var stopGrace = Milliseconds.seconds(10)
    /// From SIGTERM to SIGKILL for what the command leaves behind when it ends by itself.
    package var leftoverGrace = Milliseconds.seconds(2)
    package var killPolicy = KillPolicy.automatic
    /// What init adds to the environment when it executes the command; `nil` for a task without.
    package var secrets: Secrets?
    /// What runs the command in a container; `nil` for one that runs on the machine as it is.
    package var engine: EngineCommands?

    package init(
        token: String, name: String, command: Command, environment: [[UInt8]],
        workingDirectory: [UInt8], initExecutable: String
    ) {
        self.token = token
        self.name = name
        self.command = command
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.initExecutable = initExecutable
    }

    /// The variable that marks every process of a task.
    package static let tokenVariable = "SHUNT_TASK_TOKEN"
}

/// `launch`, the plan as init and supervisor read it: strings that end in NUL, `shunt-launch`, `1`,
/// then keys and values, then `end`. The keys are listed in `Sources/shunt-init/launch.c`.
struct LaunchFile: Hashable {
    var plan: LaunchPlan
    /// The boot in which it was written. No init is started from it in a later one: whether an
    /// earlier init ran cannot be told from files that a power cut may have swallowed.
    var bootID: String

    static let name = "launch"
    static let largestSize = 8 << 20

    init(plan: LaunchPlan, bootID: String) {
        self.plan = plan
        self.bootID = bootID
    }

    /// - Throws: ``ShuntError`` for a plan that cannot be run: no command, a NUL, a relative path.
    func encoded() throws(ShuntError) -> [UInt8] {
        var writer = Writer()
        writer.add("boot_id", bootID)
        writer.add("init", plan.initExecutable)
        writer.add("token", plan.token)
        writer.add("name", plan.name)
        writer.add("workdir", plan.workingDirectory)
        writer.add("umask", String(plan.fileModeMask & 0o777, radix: 8))
        writer.add("kill", plan.killPolicy.rawValue)
        writer.add("leftover_grace_ms", String(plan.leftoverGrace.count))
        writer.add("stop_grace_ms", String(plan.stopGrace.count))
        writer.add("stop_signal", String(plan.stopSignal))
        if let limit = plan.memoryLimit { writer.add("memory_limit", String(limit.bytes)) }
        if let limit = plan.cpuLimit { writer.add("cpu_limit", String(limit)) }
        if let limit = plan.maxDuration { writer.add("max_duration_ms", String(limit.count)) }
        switch plan.command {
        case .shell(let line): writer.add("shell", line)
        case .words(let words):
            for word in words { writer.add("arg", word) }
            if words.isEmpty { throw ShuntError(.usage, "the job has no command") }
        }
        plan.engine?.write(into: &writer)
        if let secrets = plan.secrets {
            writer.add("secrets", secrets.directory)
            for name in secrets.names { writer.add("secret", name) }
        }
        for mount in plan.mounts {
            writer.add("mount_source", mount.source)
            writer.add("mount_target", mount.target)
        }
        let mark = Array("\(LaunchPlan.tokenVariable)=".utf8)
        for variable in plan.environment where !variable.starts(with: mark) {
            if !variable.contains(UInt8(ascii: "=")) {
                throw ShuntError(.usage, "a variable of the environment has no `=`")
            }
            writer.add("env", variable)
        }
        writer.add("env", mark + Array(plan.token.utf8))
        if writer.hasNUL {
            throw ShuntError(
                .usage, "the command or its environment contains a NUL byte",
                hint: "pass binary data to the job in a file")
        }
        precondition(Self.isName(plan.name), "a task's name is made by the agent")
        if plan.workingDirectory.first != UInt8(ascii: "/") {
            throw ShuntError(.usage, "the working directory of a task is not absolute")
        }
        guard writer.bytes.count < Self.largestSize else {
            throw ShuntError(
                .usage, "the command and its environment are larger than 8 MiB",
                hint: "pass large values to the job in a file")
        }
        return writer.finished
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { unit in
                switch unit {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    struct Writer {
        fileprivate(set) var bytes = Array("shunt-launch\u{0}1\u{0}".utf8)
        fileprivate(set) var hasNUL = false

        fileprivate var finished: [UInt8] { bytes + Array("end\u{0}".utf8) }

        mutating func add(_ key: String, _ value: String) { add(key, Array(value.utf8)) }

        mutating func add(_ key: String, _ value: [UInt8]) {
            if value.contains(0) { hasNUL = true }
            bytes += Array(key.utf8)
            bytes.append(0)
            bytes += value
            bytes.append(0)
        }
    }
}

extension LaunchFile {
    /// Reads what the supervisor needs; init reads the rest and has the last word on the file.
    ///
    /// - Returns: `nil` for anything that is not a whole launch file of version 1.
    init?(decoding bytes: [UInt8]) {
        guard bytes.last == 0 else { return nil }
        let strings = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
        guard strings.count >= 3, Self.text(strings[0]) == "shunt-launch",
            Self.text(strings[1]) == "1", Self.text(strings[strings.count - 1]) == "end",
            strings.count % 2 == 1
        else { return nil }
        var plan = LaunchPlan(
            token: "", name: "", command: .words([]), environment: [], workingDirectory: [],
            initExecutable: "")
        var words: [[UInt8]] = []
        var engine = EngineCommands()
        var bootID = ""
        for index in stride(from: 2, to: strings.count - 1, by: 2) {
            let value = strings[index + 1]
            switch Self.text(strings[index]) {
            case "boot_id": bootID = Self.text(value)
            case "arg": words.append(Array(value))
            case "shell": plan.command = .shell(Array(value))
            case "env": plan.environment.append(Array(value))
            case "workdir": plan.workingDirectory = Array(value)
            case "mount_source":
                plan.mounts.append(LaunchPlan.Mount(source: Array(value), target: []))
            case "mount_target":
                guard let last = plan.mounts.indices.last else { return nil }
                plan.mounts[last].target = Array(value)
            case let key where engine.take(key, Self.text(value)): break
            case let key: guard plan.take(key, Self.text(value)) else { return nil }
            }
        }
        if !words.isEmpty { plan.command = .words(words) }
        if !engine.start.isEmpty { plan.engine = engine }
        guard !plan.initExecutable.isEmpty, !plan.token.isEmpty else { return nil }
        self.init(plan: plan, bootID: bootID)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}

extension LaunchPlan {
    /// Takes a value that is text; `false` where it is not of its key's grammar.
    fileprivate mutating func take(_ key: String, _ value: String) -> Bool {
        func milliseconds() -> Milliseconds? {
            Int64(value).flatMap {
                RecordText.sensibleTimes.contains($0) ? Milliseconds($0) : nil
            }
        }
        switch key {
        case "secrets": secrets = Secrets(directory: value, names: secrets?.names ?? [])
        case "secret":
            guard secrets?.names.append(value) != nil else { return false }
        case "init": initExecutable = value
        case "token": token = value
        case "name": name = value
        case "umask":
            guard let mask = UInt16(value, radix: 8), mask <= 0o777 else { return false }
            fileModeMask = mask
        case "kill":
            guard let policy = KillPolicy(rawValue: value) else { return false }
            killPolicy = policy
        case "leftover_grace_ms":
            guard let grace = milliseconds() else { return false }
            leftoverGrace = grace
        case "stop_grace_ms":
            guard let grace = milliseconds() else { return false }
            stopGrace = grace
        case "stop_signal":
            guard let signal = Int32(value), (1...64).contains(signal) else { return false }
            stopSignal = signal
        case "memory_limit":
            guard let bytes = Int64(value), bytes > 0 else { return false }
            memoryLimit = ByteCount(bytes)
        case "cpu_limit":
            guard let thousandths = Int64(value), thousandths > 0 else { return false }
            cpuLimit = thousandths
        case "max_duration_ms":
            guard let limit = milliseconds() else { return false }
            maxDuration = limit
        default: return false
        }
        return true
    }
}
