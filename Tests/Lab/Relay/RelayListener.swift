internal import ByteStream
internal import CLinux
internal import Glibc

/// The socket on which a relay accepts, and the thread that does.
final class RelayListener: Sendable {
    let endpoint: Endpoint
    private let socket: OwnedDescriptor
    private let state: RelayState

    private static let backlog: Int32 = 128

    /// - Parameter endpoint: port 0 is a free one.
    init(on endpoint: Endpoint, state: RelayState) throws {
        socket = try LoopbackSocket.stream(nonBlocking: true)
        self.endpoint = try LoopbackSocket.bind(socket, to: endpoint)
        self.state = state
        try listen()
    }

    /// Accepts until the relay stops.
    func run() {
        var isListening = true
        while true {
            let settings = state.current
            if settings.isStopping { break }
            if settings.refusesConnections, isListening {
                // The socket keeps its port without listening: the kernel refuses.
                shutdown(socket.raw, Int32(SHUT_RDWR))
                isListening = false
            } else if !settings.refusesConnections, !isListening {
                // Cannot fail on a socket that is bound; if it did, clients would see a refusal.
                isListening = (try? listen()) != nil
            }
            if isListening { accept() }
            wait(isListening: isListening)
        }
    }

    private func listen() throws {
        let descriptor = socket.raw
        try LabError.check("listen \(endpoint)") { Glibc.listen(descriptor, Self.backlog) }
    }

    private func accept() {
        while true {
            let descriptor = shunt_accept(socket.raw)
            guard descriptor >= 0 else { return }
            // Without threads or descriptors for it the client sees a connection that ends.
            try? RelayConnection(client: OwnedDescriptor(adopting: descriptor), state: state)
                .start()
        }
    }

    private func wait(isListening: Bool) {
        var polled = [pollfd(fd: state.listenerWake.raw, events: Int16(POLLIN), revents: 0)]
        if isListening {
            polled.append(pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0))
        }
        // Interrupted or not, the loop looks at everything anew.
        _ = poll(&polled, nfds_t(polled.count), -1)
        if polled[0].revents != 0 { state.listenerWake.reset() }
    }
}
