internal import ByteStream
internal import CLibSSH
internal import CLinux
internal import Glibc
internal import Synchronization

/// An address of the internet, as `connect` and `bind` take it.
struct SocketAddress: Hashable, Sendable {
    var family: Int32
    var bytes: [UInt8]

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        return withUnsafeMutableBytes(of: &storage) { raw in
            raw.copyBytes(from: bytes.prefix(raw.count))
            return body(
                raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }
}

/// Addresses of names. The resolver of the C library cannot be given a deadline, so that it works
/// on a thread that is left behind where it takes too long; such a thread ends with the resolver's
/// own time limits.
enum NameResolver {
    /// Threads left behind at most.
    private static let limit = 16
    private static let busy = Mutex(0)

    /// - Throws: ``SSHError`` with `nameNotResolved` if there is none.
    static func addresses(
        of name: String, port: Int, family: Int32, _ patience: Patience
    ) throws(SSHError) -> [SocketAddress] {
        let sign: WakeDescriptor
        let answer = Answer()
        guard
            busy.withLock({ busy in
                busy < limit
                    ? {
                        busy += 1; return true
                    }() : false
            })
        else {
            throw SSHError(
                .nameNotResolved, "too many names wait to be resolved, `\(name)` among them",
                hint: "getent hosts \(SSHError.quoted(name))")
        }
        do {
            sign = try WakeDescriptor()
            try NativeThread.start(name: "resolver") {
                answer.result.withLock { $0 = resolve(name, port, family) }
                busy.withLock { $0 -= 1 }
                sign.wakePump()
            }
        } catch {
            busy.withLock { $0 -= 1 }
            throw .ofSystem(error)
        }
        switch patience.wait(for: sign.raw, POLLIN) {
        case .stopped: throw .stopped
        case .timedOut: throw failure(name, "the resolver does not answer")
        case .ready: break
        }
        switch answer.result.withLock({ $0 }) {
        case .found(let addresses) where !addresses.isEmpty: return addresses
        case .failed(let code): throw failure(name, String(cString: gai_strerror(code)))
        case .found, nil: throw failure(name, "no address")
        }
    }

    private final class Answer: Sendable {
        let result = Mutex<Outcome?>(nil)
    }

    private enum Outcome: Sendable {
        case found([SocketAddress])
        case failed(Int32)
    }

    private static func failure(_ name: String, _ reason: String) -> SSHError {
        SSHError(
            .nameNotResolved, "`\(name)` has no address: \(reason)",
            hint: "getent hosts \(SSHError.quoted(name))")
    }

    private static func resolve(_ name: String, _ port: Int, _ family: Int32) -> Outcome {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, "\(port)", &hints, &list)
        guard code == 0 else { return .failed(code) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let address = entry.pointee.ai_addr {
                let bytes = UnsafeRawBufferPointer(
                    start: address, count: Int(entry.pointee.ai_addrlen))
                let found = SocketAddress(family: entry.pointee.ai_family, bytes: Array(bytes))
                if !addresses.contains(found) { addresses.append(found) }
            }
            next = entry.pointee.ai_next
        }
        return .found(addresses)
    }
}
