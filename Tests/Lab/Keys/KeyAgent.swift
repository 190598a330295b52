internal import Glibc

/// An `ssh-agent` of its own, which its owner stops.
package final class KeyAgent: Sendable {
    /// For `SSH_AUTH_SOCK`.
    package let socket: String
    private let process: Command

    /// Starts one without keys and waits until it answers; blocks its thread.
    ///
    /// - Parameter socket: a path of at most 107 bytes, where nothing is yet.
    /// - Throws: ``LabError``.
    package init(socket: String) throws {
        self.socket = socket
        process = try Command(["ssh-agent", "-D", "-a", socket])
        // `ssh-add -l` ends with 2 while it cannot reach an agent, and with 1 for one without keys.
        let answers = try blockingUntil {
            if process.hasEnded { return true }
            guard Files.exists(socket) else { return false }
            return try Command(["ssh-add", "-l"], environment: environment).wait().code != 2
        }
        guard answers, !process.hasEnded else {
            process.signal(SIGKILL)
            throw LabError("ssh-agent does not answer: \(process.errorsSoFar)")
        }
    }

    /// Gives it a key; blocks its thread.
    ///
    /// - Parameter passphrase: of a key that has one.
    /// - Throws: ``LabError``, also for a wrong passphrase.
    package func add(_ key: KeyPair, passphrase: String = "") throws {
        // `ssh-add` asks a program for the passphrase, over and over while it is wrong: a second
        // time it gets none.
        let answer = key.path + ".askpass"
        try Files.write(
            """
            #!/bin/sh
            mkdir "$0.asked" || exit 1
            printf '%s\\n' "$LAB_PASSPHRASE"

            """, to: answer, mode: 0o700)
        defer {
            unlink(answer)
            rmdir(answer + ".asked")
        }
        var variables = environment
        variables["SSH_ASKPASS"] = answer
        variables["SSH_ASKPASS_REQUIRE"] = "force"
        variables["LAB_PASSPHRASE"] = passphrase
        try Command.run(["ssh-add", "-q", key.path], environment: variables)
    }

    /// Makes it forget all its keys; blocks its thread.
    ///
    /// - Throws: ``LabError``.
    package func removeAll() throws {
        try Command.run(["ssh-add", "-q", "-D"], environment: environment)
    }

    /// Ends the process; blocks its thread. May be called again.
    package func stop() {
        process.signal(SIGTERM)
        if !blockingUntil(within: .seconds(5), { process.hasEnded }) { process.signal(SIGKILL) }
    }

    private var environment: [String: String] {
        Command.plainEnvironment.merging(["SSH_AUTH_SOCK": socket]) { $1 }
    }
}
