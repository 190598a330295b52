@testable import SSHTransport

/// Both ways to a machine: what holds for one holds for the other.
enum Transport: String, CaseIterable, CustomStringConvertible {
    case libssh, openssh

    var description: String { rawValue }

    func shell(
        _ fixture: Fixture, _ alias: String = "host",
        _ change: (inout SSHOptions) -> Void = { _ in }
    ) throws -> any RemoteShell {
        var options = fixture.options
        change(&options)
        let target = try fixture.target(alias)
        return switch self {
        case .libssh: LibSSHShell(target: target, options: options)
        case .openssh: OpenSSHShell(target: target, options: options)
        }
    }
}

/// Runs `body` with a shell to a server that lets its key file in, and closes the shell.
func withShell(
    _ transport: Transport, _ serverOptions: [String] = [],
    _ body: (any RemoteShell, Fixture, TestServer) async throws -> Void
) async throws {
    let fixture = try Fixture()
    let key = try fixture.key()
    let server = try await fixture.server(serverOptions)
    try fixture.configure(server, key: key)
    let shell = try transport.shell(fixture)
    do {
        try await body(shell, fixture, server)
        await shell.close()
    } catch {
        await shell.close()
        throw error
    }
}
