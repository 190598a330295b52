internal import ByteStream
internal import CLinux
internal import Glibc

/// Talks to an ssh-agent over its socket, with a deadline for every answer.
///
/// The protocol is that of draft-miller-ssh-agent: a length of four bytes, a type, a body.
struct AgentClient: ~Copyable {
    private let descriptor: OwnedDescriptor

    enum Failure: Error, Hashable {
        /// Nobody listens there: an errno.
        case unreachable(Int32)
        /// No answer in time.
        case hung
        /// It closed the connection, or said what the protocol does not know.
        case broken
        case stopped
    }

    enum Message {
        static let failure: UInt8 = 5
        static let requestIdentities: UInt8 = 11
        static let identities: UInt8 = 12
        static let signRequest: UInt8 = 13
        static let signResponse: UInt8 = 14
    }

    /// A key that the agent holds.
    struct Identity: Hashable, Sendable {
        var blob: [UInt8]
        var comment: [UInt8]
    }

    init(path: String) throws(Failure) {
        do {
            descriptor = try UnixSocket.connect(path: path)
        } catch {
            // A line of callers in front of an agent that takes none: it hangs.
            throw error.errno == EAGAIN ? .hung : .unreachable(error.errno)
        }
    }

    /// Every key that it holds, in its order.
    func identities(_ patience: Patience) throws(Failure) -> [Identity] {
        let answer = try answer(to: [Message.requestIdentities], patience)
        if answer.first == Message.failure { return [] }
        var reader = WireReader(answer)
        guard reader.byte() == Message.identities, let count = reader.number(), count <= 4096
        else { throw .broken }
        var result: [Identity] = []
        for _ in 0..<count {
            guard let blob = reader.string(), let comment = reader.string() else { throw .broken }
            result.append(Identity(blob: blob, comment: comment))
        }
        return result
    }

    /// Sends a message and waits for the one that answers it.
    func answer(to message: [UInt8], _ patience: Patience) throws(Failure) -> [UInt8] {
        try AgentFrames.send(message, to: descriptor.raw, patience)
        guard let answer = try AgentFrames.receive(from: descriptor.raw, patience) else {
            throw .broken
        }
        return answer
    }
}

/// The messages of the agent protocol on a socket that does not block.
enum AgentFrames {
    static func send(
        _ message: [UInt8], to descriptor: Int32, _ patience: Patience
    ) throws(AgentClient.Failure) {
        var writer = WireWriter()
        writer.string(message)
        var rest = writer.bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try wait(descriptor, POLLOUT, patience)
            } else if errno != EINTR {
                throw .broken
            }
        }
    }

    /// - Returns: `nil` at the end of the connection.
    static func receive(
        from descriptor: Int32, _ patience: Patience
    ) throws(AgentClient.Failure) -> [UInt8]? {
        guard let header = try receive(4, from: descriptor, patience) else { return nil }
        var reader = WireReader(header)
        guard let length = reader.number(), length > 0, length <= SSHLimits.agentMessage,
            let body = try receive(Int(length), from: descriptor, patience)
        else { throw .broken }
        return body
    }

    private static func receive(
        _ count: Int, from descriptor: Int32, _ patience: Patience
    ) throws(AgentClient.Failure) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(count, 16 << 10))
        while bytes.count < count {
            let part = recv(descriptor, &buffer, min(buffer.count, count - bytes.count), 0)
            if part > 0 {
                bytes += buffer.prefix(part)
            } else if part == 0 {
                return nil
            } else if errno == EAGAIN {
                try wait(descriptor, POLLIN, patience)
            } else if errno != EINTR {
                throw .broken
            }
        }
        return bytes
    }

    private static func wait(
        _ descriptor: Int32, _ events: Int32, _ patience: Patience
    ) throws(AgentClient.Failure) {
        switch patience.wait(for: descriptor, events) {
        case .ready: return
        case .timedOut: throw .hung
        case .stopped: throw .stopped
        }
    }
}
