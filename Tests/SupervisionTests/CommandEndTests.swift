internal import AgentService
internal import JobModel
internal import Testing

/// How commands end, and what is said of it.
@Suite struct CommandEndTests {
    @Test func exitCodeAndBothStreamsComeThroughApart() throws {
        let harness = try TaskHarness(shell: "echo out; echo err >&2; exit 7")
        let record = try harness.run()
        #expect(record.ending == TaskEnding(exit: .exited(code: 7)))
        #expect(try harness.text(.standardOutput) == "out\n")
        #expect(try harness.text(.standardError) == "err\n")
        #expect(record.start != nil)
    }
}
