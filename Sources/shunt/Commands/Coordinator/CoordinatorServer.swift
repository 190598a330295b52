internal import CoordinatorClient
internal import CoordinatorService
internal import Glibc
internal import JobModel
internal import Logging

/// Another coordinator holds the lock of the home.
struct CoordinatorAlreadyRuns: Error {}

/// Where the command line meets the coordinator's service.
enum CoordinatorServer {
    /// Serves a home until it is told to stop. One whose socket was removed becomes its own
    /// successor, since jobs may wait for a coordinator, and nobody for an answer.
    ///
    /// - Parameter isReady: called once the socket is bound.
    /// - Throws: ``CoordinatorAlreadyRuns``, or ``ShuntError`` for what keeps it from serving.
    static func serve(
        home: HomeLayout, isReady: @escaping @Sendable () -> Void
    ) async throws {
        // Jobs' files are none of this process: all that it writes is for its account alone.
        umask(0o077)
        var logger = Logger(label: "coordinator")
        logger.logLevel = .notice
        do {
            let ending = try await CoordinatorDaemon(
                layout: home, agentExecutable: try agentExecutable(), release: Release.text,
                readRules: { ConfigurationFile(layout: home).dataRules() }, logger: logger
            ).serve(isReady: isReady)
            if case .uprooted = ending { try beginAgain() }
        } catch is CoordinatorDaemon.AlreadyRunning {
            throw CoordinatorAlreadyRuns()
        }
    }

    /// Replaces this program by itself; the lock goes with its descriptor.
    private static func beginAgain() throws {
        let words = ["shunt", "coordinator", "serve"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        // A thread of a pool has signals blocked, and the program would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        execv("/proc/self/exe", arguments)
        throw ShuntError(
            .failed, "the coordinator cannot start again: \(String(cString: strerror(errno)))",
            hint: "shunt ps")
    }

    /// The agent for this machine, which `make` and `make install` put under `../libexec/shunt`.
    private static func agentExecutable() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let executable = String(
            decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        var name = utsname()
        uname(&name)
        let architecture = withUnsafeBytes(of: name.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let directory = executable.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast(2).joined(separator: "/")
        let path = directory + "/libexec/shunt/shunt-agent-linux-" + architecture
        guard access(path, X_OK) == 0 else {
            throw ShuntError(
                .notFound, "the agent for this machine is missing: `\(path)`",
                hint: "make build")
        }
        return path
    }
}
