import Testing

/// Commands that the worker cannot start. The job was made, so it stays in the list as failed, and
/// the code is the one that a shell would give.
@Suite struct CommandMistakeTests {
    private static let prepare = """
        mkdir folder; echo data >plain.txt; printf '\\177ELF damaged' >broken; chmod +x broken
        ln -s nowhere dangling
        """

    @Test(arguments: [
        ("no-such-command-anywhere", Int32(127)), ("./absent/program", 127), ("./dangling", 127),
        ("./plain.txt", 126), ("./folder", 126), ("./broken", 126), ("./plain.txt/below", 127),
    ])
    func aCommandThatCannotStartHasTheCodeOfAShell(
        _ command: String, _ code: Int32
    ) async throws {
        try await ShuntHome.use { home in
            #expect(try await home.shell(Self.prepare).code == 0)
            let files = try await home.listing(home.work)
            let outcome = try await home.run("run", "--", command)
            expectRefused(outcome, code: code, naming: ["`\(command)`"])
            #expect(try await home.listing(home.work) == files)
            let job = try await home.latestJob()
            let view = try await home.inspect(job)
            #expect(view["state"].string == "failed")
            #expect(view["exit_code"].int == Int(code))
            #expect(view["reason"].string?.contains("`\(command)`") == true, "\(view["reason"])")
            #expect(try await home.run("wait", job).text == "\(code)\n")
        }
    }

    /// `submit` cannot know: the job is durable, and `wait` has the code.
    @Test func aSubmittedCommandThatIsNotThereFailsLater() async throws {
        try await ShuntHome.use { home in
            let job = try await home.submit("no-such-command-anywhere")
            #expect(try await home.run("wait", job).text == "127\n")
            let view = try await home.inspect(job)
            #expect(view["state"].string == "failed")
            #expect(view["exit_code"].int == 127)
        }
    }
}
