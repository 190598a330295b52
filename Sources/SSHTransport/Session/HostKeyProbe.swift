internal import ByteStream
internal import CLinux
internal import Glibc

/// Connects just far enough to see the host's key, and decides about it as a connection would; for
/// the `openssh` transport. Blocks its thread.
struct HostKeyProbe {
    private let target: SSHTarget
    private let options: SSHOptions
    private let stop: StopSign

    init(_ target: SSHTarget, _ options: SSHOptions, _ stop: StopSign) {
        self.target = target
        self.options = options
        self.stop = stop
    }

    /// - Throws: ``SSHError`` if the key is refused. A host that libssh cannot reach is left to
    ///   ssh, which may.
    func verify(_ configuration: SSHConfiguration) throws(SSHError) {
        do {
            try run(configuration)
        } catch {
            switch error.code {
            case .hostKeyUnknown, .hostKeyChanged, .hostKeyRevoked, .hostKeyType, .lost:
                throw error
            case .nameNotResolved, .refusedConnection, .timedOut, .unreachable, .notSSH, .handshake,
                .needsLogin, .proxy, .sessionLimit, .configuration, .missingProgram, .unsupported:
                return
            }
        }
    }

    private func run(_ configuration: SSHConfiguration) throws(SSHError) {
        let check = try HostKeyCheck(configuration, options.hostKeys)
        let (proxy, socket) = try Dialer(target, options, stop).dial(configuration)
        defer { proxy?.end() }
        let session = try SSHSession(
            OwnedDescriptor(adopting: socket), configuration, hostKeyAlgorithms: check.algorithms)
        defer { session.disconnect(Patience(until: .now + StreamLimits.linger)) }
        try Handshake(session: session, check: check, options: options, proxy: proxy, stop: stop)
            .run()
    }
}
