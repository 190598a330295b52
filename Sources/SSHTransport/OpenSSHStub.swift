package final class OpenSSHShell: RemoteShell {
    package init(target: SSHTarget, options: SSHOptions) {}
    package nonisolated(nonsending) func open(_ command: String) async throws -> any RemoteStream {
        throw SSHError(.lost, "stub")
    }
    package nonisolated(nonsending) func openOnOwnConnection(_ command: String) async throws
        -> any RemoteStream
    { throw SSHError(.lost, "stub") }
    package func use(authSocket: String?) {}
    package nonisolated(nonsending) func close() async {}
}
