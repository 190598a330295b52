internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel
internal import Logging
internal import UVLoop

/// The lives of `shunt-agent`: the daemon of an account on a worker, the supervisor of one task,
/// and what joins a coordinator's stream to the daemon.
package enum AgentMain {
    /// Runs what the arguments name and returns the exit code of the process.
    package static func run(_ arguments: [String]) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        umask(0o077)
        if let path = arguments.first, path.hasSuffix("/attach") {
            return AttachMain.run(path, Array(arguments.dropFirst()))
        }
        switch arguments.dropFirst().first {
        case "supervise": return supervise(Array(arguments.dropFirst(2)))
        case "daemon": return daemon(Array(arguments.dropFirst(2)))
        case "install":
            return AttachMain.install(
                Array(arguments.dropFirst(2)), executable: DaemonArguments.executable ?? "")
        case "digest": return AttachMain.digest()
        case "--version":
            print("shunt-agent \(Release.text)")
            return 0
        default:
            complain(
                ShuntError(
                    .usage, "shunt-agent is started by shunt and by itself",
                    hint: "shunt worker ls"))
            return 2
        }
    }

    private static func supervise(_ arguments: [String]) -> Int32 {
        guard arguments.count == 1 else {
            complain(
                ShuntError(
                    .usage, "supervise takes the directory of a task", hint: "shunt worker ls"))
            return 2
        }
        return Supervisor.main(taskDirectory: arguments[0])
    }

    private static func daemon(_ arguments: [String]) -> Int32 {
        reporting {
            let options = try DaemonArguments.parse(arguments)
            try AgentProcess(options: options).run()
        }
    }

    /// What a daemon ends with where another one has its home: EX_TEMPFAIL of sysexits.h.
    static let takenCode: Int32 = 75

    /// Runs a command and turns every way to fail into an exit code and a message.
    static func reporting(_ body: () throws -> Void) -> Int32 {
        do {
            try body()
            return 0
        } catch let taken as AgentHome.Taken {
            complain(
                ShuntError(
                    .refused, "another agent has `\(taken.root)`",
                    hint: "kill $(cat \(taken.root)/lock)"))
            return takenCode
        } catch let error as ShuntError {
            complain(error)
            return error.code.exitCode
        } catch {
            complain(ShuntError(.failed, "\(error)"))
            return 1
        }
    }

    private static func complain(_ error: ShuntError) {
        let hint = error.hint.map { "\nhint: \($0)\n" } ?? ""
        let text = "error: \(error.message)\n\(hint)"
        _ = text.withCString { write(2, $0, strlen($0)) }
    }
}

/// `--home DIR --store DIR --socket PATH [--linger SECONDS|forever]`.
enum DaemonArguments {
    /// A hundred years, in seconds.
    private static let forever: Int64 = 100 * 365 * 86_400

    /// The executable of this process, absolute; `nil` without `/proc`.
    static var executable: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return nil }
        return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static func parse(_ arguments: [String]) throws(ShuntError) -> AgentOptions {
        var values: [String: String] = [:]
        var index = 0
        while index + 1 < arguments.count {
            values[arguments[index]] = arguments[index + 1]
            index += 2
        }
        guard let home = values["--home"], let store = values["--store"],
            let socket = values["--socket"], index == arguments.count
        else {
            throw ShuntError(
                .usage, "an agent needs --home, --store and --socket", hint: "shunt worker ls")
        }
        guard let executable else {
            throw ShuntError(
                .failed, "/proc is not mounted, and Shunt needs it",
                hint: "mount -t proc proc /proc")
        }
        let end = executable.lastIndex(of: "/") ?? executable.endIndex
        let directory = executable[..<end]
        let linger =
            values["--linger"] == "forever"
            ? forever : values["--linger"].flatMap { Int64($0) } ?? 600
        return AgentOptions(
            home: home, store: store, socket: socket,
            initExecutable: values["--init"] ?? directory + "/shunt-init",
            agentExecutable: executable, release: Release.text,
            linger: .seconds(max(0, linger)))
    }
}
