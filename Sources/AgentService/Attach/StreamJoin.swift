internal import CLinux
internal import Glibc
internal import JobModel

/// Copies between standard input and output and a socket, each direction until its end, with one
/// bounded buffer a direction: whoever does not read holds back its own direction only.
struct StreamJoin: ~Copyable {
    private var up: Direction
    private var down: Direction

    /// Bytes that stand in a direction at most.
    static let buffer = 256 << 10

    init(socket: Int32) {
        up = Direction(source: 0, target: socket)
        down = Direction(source: socket, target: 1)
        for descriptor in [0, 1, socket] {
            let flags = fcntl(descriptor, F_GETFL)
            _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        }
    }

    /// Returns once nothing more can come down: the daemon has closed, or nobody reads any more.
    mutating func run() {
        while !down.isOver {
            up.move()
            down.move()
            if up.isOver, !up.isEndTold {
                up.isEndTold = true
                shutdown(up.target, Int32(SHUT_WR))
            }
            if down.isOver { return }
            wait()
        }
    }

    private func wait() {
        var polls = [
            pollfd(fd: up.wantsInput ? up.source : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: up.wantsOutput ? up.target : -1, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: down.wantsInput ? down.source : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: down.wantsOutput ? down.target : -1, events: Int16(POLLOUT), revents: 0),
            // Asks for nothing: tells that the reader is gone while there is nothing to write.
            pollfd(fd: down.target, events: 0, revents: 0),
        ]
        // Interrupted or not, the loop looks again.
        _ = poll(&polls, nfds_t(polls.count), -1)
        if polls[4].revents & Int16(POLLERR) != 0 {
            // Then nobody is left on either side.
            exit(0)
        }
    }

    /// One direction of the copy.
    private struct Direction {
        let source: Int32
        let target: Int32
        private var bytes = [UInt8](repeating: 0, count: StreamJoin.buffer)
        private var start = 0
        private var end = 0
        private var isSourceOpen = true
        var isEndTold = false

        init(source: Int32, target: Int32) {
            self.source = source
            self.target = target
        }

        var isOver: Bool { !isSourceOpen && start == end }
        var wantsInput: Bool { isSourceOpen && start == end }
        var wantsOutput: Bool { start < end }

        mutating func move() {
            if wantsInput { fill() }
            if wantsOutput { drain() }
        }

        private mutating func fill() {
            let source = source
            let count = bytes.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count > 0 {
                start = 0
                end = count
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                isSourceOpen = false
            }
        }

        private mutating func drain() {
            let (target, from, length) = (target, start, end - start)
            let count = bytes.withUnsafeBytes { write(target, $0.baseAddress! + from, length) }
            if count > 0 {
                start += count
            } else if count < 0, errno != EAGAIN, errno != EINTR {
                // Nobody takes it any more.
                isSourceOpen = false
                start = end
            }
        }
    }
}
