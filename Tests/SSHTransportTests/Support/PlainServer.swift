import ByteStream
import Foundation
import Synchronization

@testable import SSHTransport

/// A TCP server that is no sshd, or one that stands before it and cuts what it passes on.
final class PlainServer: Sendable {
    enum Kind: Sendable {
        /// Takes connections and says nothing.
        case silent
        /// Answers the first line it gets.
        case answering(String)
        /// Speaks first.
        case speaking(String)
        /// Says so much, and closes.
        case closing(String)
        /// Passes on what a server says, up to so many bytes, and closes.
        case cutting(port: Int, after: Int)
    }

    static let address = "127.0.1.9"

    let port: Int
    private let kind: Kind
    private let listener: Int32
    private let isStopped = Atomic(false)

    init(_ kind: Kind) throws {
        self.kind = kind
        listener = try LoopbackSocket.listener(on: Self.address, port: 0)
        port = LoopbackSocket.port(of: listener)
        try NativeThread.start(name: "plain-server") { self.serve() }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func serve() {
        var silent: [Int32] = []
        while true {
            let connection = accept(listener, nil, nil)
            if isStopped.load(ordering: .acquiring) || connection < 0 { break }
            switch kind {
            case .silent: silent.append(connection)
            case .answering(let text):
                var buffer = [UInt8](repeating: 0, count: 512)
                _ = recv(connection, &buffer, buffer.count, 0)
                say(text, connection)
            case .speaking(let text):
                send(text, connection)
                silent.append(connection)
            case .closing(let text): say(text, connection)
            case .cutting(let port, let count): pass(connection, port, count)
            }
        }
        for connection in silent { close(connection) }
        close(listener)
    }

    private func send(_ text: String, _ connection: Int32) {
        _ = Array(text.utf8).withUnsafeBytes {
            Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    private func say(_ text: String, _ connection: Int32) {
        send(text, connection)
        shutdown(connection, Int32(SHUT_WR))
        close(connection)
    }

    /// Both directions, until the server has said `count` bytes.
    private func pass(_ connection: Int32, _ port: Int, _ count: Int) {
        let server = LoopbackSocket.connect(to: "127.0.1.1", port: port)
        defer {
            close(server)
            close(connection)
        }
        var left = count
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while left > 0 {
            var polls = [
                pollfd(fd: connection, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polls, 2, 20_000) > 0 else { return }
            if polls[0].revents != 0 {
                let got = recv(connection, &buffer, buffer.count, 0)
                guard got > 0 else { return }
                Glibc.send(server, buffer, got, Int32(MSG_NOSIGNAL))
            }
            if polls[1].revents != 0 {
                let got = recv(server, &buffer, min(buffer.count, left), 0)
                guard got > 0 else { return }
                Glibc.send(connection, buffer, got, Int32(MSG_NOSIGNAL))
                left -= got
            }
        }
    }
}

extension LoopbackSocket {
    static func connect(to address: String, port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        _ = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return descriptor
    }
}

extension LoopbackSocket {
    /// A listener that takes no more connections, and those that fill its line.
    static func full(
        on address: String
    ) throws -> (listener: Int32, port: Int, connections: [Int32]) {
        let listener = try listener(on: address, port: 0)
        // In place of the longer line that it was made with.
        listen(listener, 0)
        let port = port(of: listener)
        var connections: [Int32] = []
        for _ in 0..<4 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            connections.append(descriptor)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = in_port_t(port).bigEndian
            inet_pton(AF_INET, address, &name.sin_addr)
            _ = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        return (listener, port, connections)
    }
}
