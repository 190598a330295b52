internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// Stands between libssh and the ssh-agent: shows libssh one key at a time, and lets it sign with
/// that one.
///
/// libssh waits for an agent without end, and tries every key that the agent holds. Here an agent
/// that does not answer in time is answered for, with a failure. A thread serves libssh's end until
/// ``retire()``.
final class AgentFilter: Sendable {
    private let path: String
    private let signTime: Duration
    private let stop: StopSign
    private let retirement: StopSign
    private let state = Mutex(State())

    private struct State {
        var shown: AgentClient.Identity?
        var hasHung = false
    }

    init(path: String, signTime: Duration, stop: StopSign) throws(SSHError) {
        do {
            retirement = try StopSign()
        } catch {
            throw .ofSystem(error)
        }
        self.path = path
        self.signTime = signTime
        self.stop = stop
    }

    /// The agent did not sign in time.
    var hasHung: Bool { state.withLock { $0.hasHung } }

    /// Makes libssh see this key and no other.
    func show(_ identity: AgentClient.Identity) { state.withLock { $0.shown = identity } }

    /// The login is over: ends the thread.
    func retire() { retirement.raise() }

    /// Starts the thread.
    ///
    /// - Returns: libssh's end, which blocks, as libssh expects; libssh owns it.
    func start() throws(SSHError) -> Int32 {
        let pair = try SocketPair()
        let theirs = dup(pair.theirs.raw)
        guard theirs >= 0 else { throw .ofSystem("dup", errno) }
        _ = fcntl(theirs, F_SETFD, FD_CLOEXEC)
        let ours = pair.keepOurs().release()
        do {
            try NativeThread.start(name: "agent-filter") { [self] in
                serve(OwnedDescriptor(adopting: ours))
            }
        } catch {
            _ = Glibc.close(ours)
            _ = Glibc.close(theirs)
            throw .ofSystem(error)
        }
        return theirs
    }

    private func serve(_ descriptor: consuming OwnedDescriptor) {
        // Until it is retired, or libssh closes its end.
        let always = Patience(until: .now + .seconds(86_400), stop: retirement)
        while true {
            // What it fails with says that libssh's end is gone.
            guard let request = try? AgentFrames.receive(from: descriptor.raw, always) else {
                return
            }
            // As above.
            guard (try? AgentFrames.send(answer(to: request), to: descriptor.raw, always)) != nil
            else { return }
        }
    }

    private func answer(to request: [UInt8]) -> [UInt8] {
        let shown = state.withLock { $0.shown }
        var writer = WireWriter()
        switch request.first {
        case AgentClient.Message.requestIdentities:
            writer.byte(AgentClient.Message.identities)
            writer.number(shown == nil ? 0 : 1)
            if let shown {
                writer.string(shown.blob)
                writer.string(shown.comment)
            }
            return writer.bytes
        case AgentClient.Message.signRequest:
            var reader = WireReader(request.dropFirst())
            guard let blob = reader.string(), blob == shown?.blob else {
                return [AgentClient.Message.failure]
            }
            return signature(request)
        case nil, .some:
            return [AgentClient.Message.failure]
        }
    }

    private func signature(_ request: [UInt8]) -> [UInt8] {
        let patience = Patience(until: .now + signTime, stop: stop)
        do {
            return try AgentClient(path: path).answer(to: request, patience)
        } catch {
            if error == .hung { state.withLock { $0.hasHung = true } }
            return [AgentClient.Message.failure]
        }
    }
}
