internal import ByteStream
internal import CLinux
internal import Glibc

/// What a connection's thread does from its start to its end. The session belongs to its frame.
struct ConnectionThread {
    let target: SSHTarget
    let options: SSHOptions
    let state: ConnectionState

    func run() {
        do {
            try connect()
        } catch {
            for late in state.shut() { late.fail(error, state.streamError(error)) }
            state.standing.fulfil(.failure(error))
        }
        state.end.open()
    }

    private func connect() throws(SSHError) {
        let configuration = try SSHConfiguration.resolve(
            target, waiting: Patience(until: .now + options.times.configuration, stop: state.stop))
        let check = try HostKeyCheck(configuration, options.hostKeys)
        let (proxy, socket) = try Dialer(target, options, state.stop).dial(configuration)
        defer { proxy?.end() }
        let session = try SSHSession(
            OwnedDescriptor(adopting: socket), configuration, hostKeyAlgorithms: check.algorithms)
        defer { session.disconnect(Patience(until: .now + StreamLimits.linger)) }
        try Handshake(
            session: session, check: check, options: options, proxy: proxy, stop: state.stop
        ).run()
        var login = Authenticator(session, configuration, options, state.stop)
        try login.run()
        state.standing.fulfil(.success(()))
        var loop = ConnectionLoop(session, state)
        let reason = loop.run()
        loop.end(reason)
    }
}
