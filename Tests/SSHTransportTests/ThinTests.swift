import ByteStream
import Testing

@testable import SSHTransport

@Suite struct ThinTests {
    @Test func aCommandRuns() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let shell = LibSSHShell(target: try fixture.target(), options: fixture.options)
        let output = try await shell.output(
            of: "cat; echo oops >&2; exit 3", input: Array("hi".utf8))
        #expect(output == Output(text: "hi", exit: .code(3), errors: "oops\n"))
        await shell.close()
    }
}
