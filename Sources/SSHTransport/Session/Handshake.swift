internal import CLibSSH
internal import CLinux
internal import Glibc

/// From an open socket to a server whose key is verified. Blocks the connection's thread.
struct Handshake {
    let session: SSHSession
    let check: HostKeyCheck
    let options: SSHOptions
    let proxy: ProxyChild?
    let stop: StopSign

    private var configuration: SSHConfiguration { check.configuration }

    /// - Throws: ``SSHError``: what the peer is instead, or at which stage it went.
    func run() throws(SSHError) {
        let connect = configuration.connectTimeout ?? options.times.connect
        let limit = proxy == nil ? connect : max(connect, options.times.proxy)
        let start = Patience(until: .now + limit, stop: stop)
        do {
            let greeting = Greeting(configuration)
            // libssh closes a socket whose peer has gone, with what was said still in it.
            let hasSpoken = start.until(.now).wait(for: session.assignedDescriptor, POLLIN)
            if case .ready = hasSpoken {
                try greeting.await(on: session.assignedDescriptor, start)
            }
            // Sends our version: a server that waits for its client to speak now says something.
            session.begin()
            try greeting.await(on: session.descriptor, start)
            try exchangeKeys()
        } catch {
            throw proxy?.failure(error, start) ?? error
        }
        try verify()
    }

    private func exchangeKeys() throws(SSHError) {
        // ConnectTimeout of ssh_config(5) holds for the exchange of keys as well.
        let limit = configuration.connectTimeout ?? options.times.keyExchange
        let patience = Patience(until: .now + limit, stop: stop)
        let result = try session.finish(patience) { ssh_connect(session.raw) }
        if result == SSH_OK { return }
        let port = "`\(configuration.hostName)`, port \(configuration.port),"
        let look = "ssh -v \(configuration.byHand)"
        guard result != nil else {
            throw SSHError(
                .timedOut, "\(port) fell silent while keys were exchanged", hint: look)
        }
        throw SSHError(
            .handshake, "\(port) went while keys were exchanged: \(session.lastWords)", hint: look)
    }

    private func verify() throws(SSHError) {
        let key = try serverKey()
        switch try check.decide(on: key) {
        case .go: return
        case .record: try check.record(key)
        case .ask(let question):
            guard let ask = check.policy.ask,
                try Question.answer(stop, { await ask(question) })
            else { throw check.unknown(key) }
            try check.record(key)
        }
    }

    private func serverKey() throws(SSHError) -> PublicKey {
        var key: ssh_key?
        var text: UnsafeMutablePointer<CChar>?
        guard ssh_get_server_publickey(session.raw, &key) == SSH_OK, let key else {
            throw SSHError(.handshake, "the server has no key: \(session.lastWords)")
        }
        defer { ssh_key_free(key) }
        guard ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text else {
            throw SSHSession.outOfMemory
        }
        defer { ssh_string_free_char(text) }
        guard let result = PublicKey(base64: String(cString: text)) else {
            throw SSHError(.handshake, "the server's key cannot be read")
        }
        return result
    }
}

/// The first bytes that a server says, looked at before libssh takes them: lines that RFC 4253
/// allows before the version are passed over, and what is no SSH is told apart from a connection
/// that broke.
struct Greeting {
    private let configuration: SSHConfiguration

    init(_ configuration: SSHConfiguration) { self.configuration = configuration }

    private static let start = Array("SSH-".utf8)
    /// The peer will send no more. It stands behind `_GNU_SOURCE`, without which Swift's Glibc
    /// module is built.
    private static let hangUp: Int32 = 0x2000

    /// Returns once the server's version stands at the front of the socket.
    func await(on descriptor: Int32, _ patience: Patience) throws(SSHError) {
        guard descriptor >= 0 else { throw closed([]) }
        var said: [UInt8] = []
        var isLineStart = true
        var buffer = [UInt8](repeating: 0, count: 1 << 10)
        while said.count <= SSHLimits.greeting {
            switch patience.wait(for: descriptor, POLLIN) {
            case .ready: break
            case .stopped: throw .stopped
            case .timedOut: throw said.isEmpty ? silent : notSSH(said)
            }
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_PEEK))
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { throw closed(said) }
            let peeked = buffer.prefix(count)
            if isLineStart, peeked.starts(with: Self.start) { return }
            if isLineStart, Self.start.starts(with: peeked) {
                // One to three letters of it, which `poll` reports again and again.
                switch patience.until(.now + .milliseconds(5)).wait(for: descriptor, Self.hangUp) {
                case .ready: throw closed(said + peeked)
                case .stopped: throw .stopped
                case .timedOut: if patience.deadline <= .now { throw notSSH(said + peeked) }
                }
                continue
            }
            let end = peeked.firstIndex(of: UInt8(ascii: "\n"))
            isLineStart = end != nil
            // What was peeked at is there.
            said += buffer.prefix(recv(descriptor, &buffer, end.map { $0 + 1 } ?? count, 0))
        }
        throw notSSH(said)
    }

    private var place: String { "`\(configuration.hostName)`, port \(configuration.port)," }
    private var look: String { "ssh -v \(configuration.byHand)" }

    private var silent: SSHError {
        SSHError(.timedOut, "\(place) takes the connection and says nothing", hint: look)
    }

    private func notSSH(_ said: [UInt8]) -> SSHError {
        SSHError(
            .notSSH, "\(place) does not speak SSH; it says `\(SSHError.printable(said))`",
            hint: look)
    }

    private func closed(_ said: [UInt8]) -> SSHError {
        // sshd of 9.8 and newer says so in a line of its own.
        let refusals = ["Exceeded MaxStartups", "Not allowed at this time"]
        if refusals.contains(where: { said.starts(with: $0.utf8) }) {
            return SSHError(
                .refusedConnection,
                "\(place) takes no more logins now: "
                    + "`\(SSHError.printable(said.prefix { $0 >= 0x20 }))`",
                hint: look)
        }
        guard said.isEmpty else { return notSSH(said) }
        return SSHError(
            .handshake,
            "\(place) closed the connection before it said its version: too many logins at once "
                + "(MaxStartups), or this address is not let in",
            hint: look)
    }
}
