import Foundation

/// Runs a command on a terminal of its own and types into it each time that a text has come.
enum Terminal {
    private static let program = """
        import os, pty, sys
        text, keys, command = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
        pid, master = pty.fork()
        if pid == 0:
            os.execvp(command[0], command)
        seen, typed = b"", 0
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
            while seen.count(text) > typed:
                os.write(master, keys)
                typed += 1
        status = os.waitpid(pid, 0)[1]
        sys.stdout.buffer.write(seen)
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
        """

    /// - Returns: the command's exit code, and all that came to the terminal as output.
    static func run(
        _ home: ShuntHome, _ arguments: [String], after text: String, typing keys: String,
        env: [String: String] = [:]
    ) async throws -> Outcome {
        let words = ["python3", "-c", program, text, keys, ShuntHome.binary] + arguments
        return try await Command(
            words.map { Array($0.utf8) }, directory: home.work,
            environment: home.environment(["TERM": "xterm"].merging(env) { $1 })
        ).outcome()
    }
}
