internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel

/// Tries every address of some tasks of a gang, several at a time, and looks who answers there.
///
/// Blocks for up to ``GangLimits/probe`` for each ``width`` addresses.
struct ReachProbe {
    /// Addresses that are tried at once.
    private static let width = 64

    private let question: ReachQuestion
    private var reached: [[String]]
    /// The first problem of each target.
    private var problems: [String?]

    private init(_ question: ReachQuestion) {
        self.question = question
        reached = question.targets.map { _ in [] }
        problems = question.targets.map { _ in nil }
    }

    static func run(_ question: ReachQuestion) -> ReachAnswer {
        var probe = ReachProbe(question)
        var places: [(target: Int, address: String)] = []
        for (index, target) in question.targets.enumerated() {
            places += target.endpoint.addresses.map { (index, $0) }
        }
        while !places.isEmpty {
            probe.attempt(places.prefix(width))
            places.removeFirst(min(width, places.count))
        }
        return probe.answer()
    }

    private func answer() -> ReachAnswer {
        let order = question.targets.indices
        let silent = order.first { reached[$0].isEmpty }
        return ReachAnswer(
            token: question.token, round: question.round,
            reached: order.map { index in
                question.targets[index].endpoint.addresses.filter { reached[index].contains($0) }
            },
            problem: silent.flatMap { problems[$0] })
    }

    private mutating func attempt(_ places: ArraySlice<(target: Int, address: String)>) {
        var sockets: [(target: Int, address: String, socket: Int32)] = []
        defer { for one in sockets { close(one.socket) } }
        for place in places {
            do throws(StreamError) {
                let port = question.targets[place.target].endpoint.port
                let socket = try InternetSocket.connect(place.address, port: port)
                sockets.append((place.target, place.address, socket.release()))
            } catch {
                note(error.errno, of: place.target)
            }
        }
        let deadline = SteadyTime.current + GangLimits.probe
        while !sockets.isEmpty {
            let left = deadline - .current
            guard left.count > 0 else { break }
            var polled = sockets.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
            _ = poll(&polled, nfds_t(polled.count), Int32(left.count))
            for index in polled.indices.reversed() where polled[index].revents != 0 {
                let one = sockets.remove(at: index)
                listen(to: one.socket, of: one.target, at: one.address)
                close(one.socket)
            }
        }
        for one in sockets { note(ETIMEDOUT, of: one.target) }
    }

    /// What is said in one piece arrives in one piece: 64 bytes on a new connection.
    private mutating func listen(to socket: Int32, of target: Int, at address: String) {
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { return note(errno, of: target) }
        let expected = GangEndpoints.greeting(of: question.targets[target].token)
        if Array(buffer.prefix(count)) == expected {
            reached[target].append(address)
        } else if problems[target] == nil {
            problems[target] = "something else answers there"
        }
    }

    private mutating func note(_ code: Int32, of target: Int) {
        guard problems[target] == nil else { return }
        let text = StreamError(operation: "", errno: code).description
        problems[target] = String(text.drop { $0 == ":" || $0 == " " })
    }
}
