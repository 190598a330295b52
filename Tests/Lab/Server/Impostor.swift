internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// A port on which something other than an SSH server is, or nothing at all. It holds its port as
/// long as it is not stopped, so that nobody else can take it meanwhile.
package final class Impostor: Sendable {
    /// What a client meets.
    package enum Behaviour: Sendable, Hashable {
        /// Connections are refused.
        case closed
        /// Connections never come about: the kernel drops what would open them, as a packet filter
        /// does.
        case filtered
        /// Connections are accepted and never answered.
        case silent
        /// A web server, which answers anything with an error in HTTP.
        case http
        /// These bytes are sent at once, and then the connection ends.
        case sends([UInt8])
        /// These bytes are sent at once, and then nothing more happens.
        case sendsAndStays([UInt8])
        /// The same bytes are sent over and over, as far as the client reads.
        case floods([UInt8])

        /// An SSH server that hangs up after its banner.
        package static let banner = sends(Array("SSH-2.0-Impostor_1.0\r\n".utf8))
        /// An SSH server of the protocol's first version.
        package static let oldProtocol = sends(Array("SSH-1.5-Impostor_1.0\n".utf8))
    }

    /// Where it is.
    package let endpoint: Endpoint
    private let socket: OwnedDescriptor
    /// Connections that fill the queue of a filtered port.
    private let fillers = Mutex<[Int32]>([])
    private let isStopping = Atomic<Bool>(false)
    private let threads = Atomic<Int>(0)

    /// - Parameter address: of this machine, as 127.0.1.1.
    /// - Throws: ``LabError``; `StreamError` without threads.
    package init(_ behaviour: Behaviour, address: String) throws {
        socket = try LoopbackSocket.stream(nonBlocking: true)
        endpoint = try LoopbackSocket.bind(socket, to: Endpoint(address: address, port: 0))
        let descriptor = socket.raw
        switch behaviour {
        case .closed: break
        case .silent: try LabError.check("listen") { listen(descriptor, 128) }
        case .filtered:
            try LabError.check("listen") { listen(descriptor, 0) }
            try fillQueue()
        case .http, .sends, .sendsAndStays, .floods:
            try LabError.check("listen") { listen(descriptor, 128) }
            try startThread { self.accept(behaviour) }
        }
    }

    deinit { for filler in fillers.withLock({ $0 }) { close(filler) } }

    /// Frees the port of one that serves with threads; blocks its own. May be called again. The
    /// others free theirs when they go.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        // The threads look every few milliseconds.
        _ = blockingUntil { threads.load(ordering: .acquiring) == 0 }
    }

    /// Opens connections until one does not come about: then the kernel drops all further ones.
    private func fillQueue() throws {
        for _ in 0..<8 {
            let filler = try LoopbackSocket.stream(nonBlocking: true)
            let code = LoopbackSocket.connect(filler.raw, to: endpoint)
            guard code == 0 || code == EINPROGRESS else { throw LabError("connect", code: code) }
            var polled = pollfd(fd: filler.raw, events: Int16(POLLOUT), revents: 0)
            let isConnected = code == 0 || poll(&polled, 1, 100) == 1
            let raw = filler.release()
            fillers.withLock { $0.append(raw) }
            if !isConnected { return }
        }
        throw LabError("the queue of \(endpoint) does not fill")
    }

    private func startThread(_ body: @escaping @Sendable () -> Void) throws {
        threads.add(1, ordering: .acquiringAndReleasing)
        do {
            try NativeThread.start(name: "impostor") {
                body()
                self.threads.subtract(1, ordering: .acquiringAndReleasing)
            }
        } catch {
            threads.subtract(1, ordering: .acquiringAndReleasing)
            throw error
        }
    }

    private func accept(_ behaviour: Behaviour) {
        while wait(socket.raw, POLLIN) {
            let raw = shunt_accept(socket.raw)
            guard raw >= 0 else { continue }
            // Without a thread for it the client sees a connection that ends.
            do {
                try startThread {
                    self.serve(raw, behaviour)
                    close(raw)
                }
            } catch {
                close(raw)
            }
        }
    }

    private func serve(_ client: Int32, _ behaviour: Behaviour) {
        switch behaviour {
        case .closed, .filtered, .silent: break
        case .http:
            // A web server speaks when it has read a line.
            guard wait(client, POLLIN) else { return }
            let body = "<html><body><h1>400 Bad Request</h1></body></html>\r\n"
            send(
                client,
                Array(
                    """
                    HTTP/1.1 400 Bad Request\r\nServer: lab\r\nContent-Type: text/html\r\n\
                    Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)
                    """.utf8))
            finish(client)
        case .sends(let bytes):
            send(client, bytes)
            finish(client)
        case .sendsAndStays(let bytes):
            send(client, bytes)
            drain(client)
        case .floods(let bytes):
            while send(client, bytes) {}
        }
    }

    /// Ends a connection so that the client reads everything before the end: a socket that is
    /// closed with unread bytes resets its connection.
    private func finish(_ client: Int32) {
        shutdown(client, Int32(SHUT_WR))
        drain(client)
    }

    /// Reads until the client ends.
    private func drain(_ client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while wait(client, POLLIN), recv(client, &buffer, buffer.count, 0) > 0 {}
    }

    /// - Returns: whether the client took all of it.
    @discardableResult
    private func send(_ client: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard wait(client, POLLOUT) else { return false }
            let count = rest.withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, [EAGAIN, EINTR].contains(errno) { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Waits for a socket.
    ///
    /// - Returns: false when the impostor stops.
    private func wait(_ descriptor: Int32, _ events: Int32) -> Bool {
        while !isStopping.load(ordering: .acquiring) {
            var polled = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            if poll(&polled, 1, 20) > 0 { return true }
        }
        return false
    }
}
