internal import CLinux
internal import Glibc
internal import Testing

/// What the agent's executable says where it cannot do what it is asked.
@Suite struct AgentMainTests {
    private func run(_ arguments: [String], in directory: String) throws -> (
        code: Int32, text: String
    ) {
        let output = directory + "/said"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var words = ([Binaries.agent] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var pid = pid_t()
        try #require(posix_spawn(&pid, Binaries.agent, &actions, nil, &words, &environment) == 0)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return (status >> 8 & 0xff, String(decoding: Files.read(output) ?? [], as: UTF8.self))
    }

    @Test func everyErrorHasAHint() throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let home = directory + "/home"
        mkdir(home, 0o700)
        let lock = shunt_open(home + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(lock) }
        try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
        let daemon = ["daemon", "--home", home, "--store", home, "--socket", home + "/s"]
        for (arguments, code, hint) in [
            (daemon, 75, "kill $(cat \(home)/lock)"), (["supervise"], 2, "shunt worker ls"),
            (["daemon"], 2, "shunt worker ls"), ([], 2, "shunt worker ls"),
        ] as [([String], Int32, String)] {
            let said = try run(arguments, in: directory)
            #expect(said.code == code, "\(arguments)")
            #expect(said.text.hasPrefix("error: "), "\(said.text)")
            #expect(said.text.hasSuffix("hint: \(hint)\n"), "\(said.text)")
        }
    }
}
