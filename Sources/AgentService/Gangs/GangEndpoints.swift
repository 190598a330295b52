internal import ByteStream
internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Synchronization

/// Where tasks of gangs can be found before they start: a listening port for each, on which one
/// thread answers whoever connects with the task's name.
///
/// The port is the one that rank 0's command will listen on, so that it is known to be free until
/// then. Whoever connects closes first: a connection that this side had closed would keep the port
/// from a command that binds it without SO_REUSEADDR.
final class GangEndpoints: Sendable {
    /// What stands at an endpoint: names the task and gives nothing away.
    static func greeting(of token: StartToken) -> [UInt8] {
        Array(ContentHasher.digest(of: Array(token.description.utf8)).hex.utf8)
    }

    /// Connections that are open at once; further ones wait in the kernel's line.
    private static let guestLimit = 256
    /// A guest that has not closed by then is let go.
    private static let patience = Milliseconds.seconds(10)

    private struct State {
        var doors: [(token: StartToken, socket: Int32)] = []
        /// Taken out of ``doors``, and still to be closed by the thread that polls them.
        var closing: [Int32] = []
        var isRunning = false
    }

    private let state = Mutex(State())
    private let waker: WakeDescriptor

    init() throws { waker = try WakeDescriptor() }

    /// Opens the endpoint of a task, in place of an earlier one.
    ///
    /// - Throws: ``StreamError``.
    func open(_ token: StartToken) throws -> GangEndpoint {
        close(token)
        let listener = try InternetSocket.listen()
        let port = listener.port
        let raw = listener.release()
        let starts = state.withLock { state in
            state.doors.append((token, raw))
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if starts {
            do {
                try NativeThread.start(name: "gangs") { [self] in serve() }
            } catch {
                state.withLock { $0.isRunning = false }
                close(token)
                throw error
            }
        }
        waker.wakePump()
        return GangEndpoint(addresses: InterfaceAddresses.all(), port: port)
    }

    /// Frees the port; harmless where there is none.
    func close(_ token: StartToken) {
        state.withLock { state in
            for door in state.doors where door.token == token {
                // Frees the port now; the number itself is closed where it may be polled.
                shutdown(door.socket, Int32(SHUT_RDWR))
                state.closing.append(door.socket)
            }
            state.doors.removeAll { $0.token == token }
        }
        waker.wakePump()
    }

    private struct Guest {
        let socket: Int32
        let until: SteadyTime
    }

    /// Answers for as long as this process lives.
    private func serve() {
        var guests: [Guest] = []
        while true {
            waker.reset()
            let doors = state.withLock { state in
                for socket in state.closing { Glibc.close(socket) }
                state.closing = []
                return state.doors
            }
            let now = SteadyTime.current
            guests.removeAll { guest in
                guard guest.until <= now else { return false }
                Glibc.close(guest.socket)
                return true
            }
            var polled = [pollfd(fd: waker.raw, events: Int16(POLLIN), revents: 0)]
            let takesGuests = guests.count < Self.guestLimit
            polled += doors.map {
                pollfd(fd: $0.socket, events: takesGuests ? Int16(POLLIN) : 0, revents: 0)
            }
            polled += guests.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
            // EINTR and the like only mean another round.
            _ = poll(&polled, nfds_t(polled.count), guests.isEmpty ? -1 : 1000)
            let ended = polled.dropFirst(1 + doors.count).enumerated().filter {
                $0.element.revents != 0
            }
            for (index, guest) in ended.reversed() {
                Glibc.close(guest.fd)
                guests.remove(at: index)
            }
            for (index, door) in doors.enumerated()
            where Int32(polled[1 + index].revents) & POLLIN != 0 {
                guests += Self.greet(at: door.socket, as: door.token)
            }
        }
    }

    /// Takes one guest and tells it whose door this is.
    private static func greet(at door: Int32, as token: StartToken) -> [Guest] {
        let socket = shunt_accept(door)
        guard socket >= 0 else { return [] }
        // A new socket takes 64 bytes at once; a guest that is gone reads nothing.
        _ = greeting(of: token).withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        return [Guest(socket: socket, until: .current + patience)]
    }
}
