import Foundation
import Synchronization

/// An HTTP/1.1 server on a Unix socket that answers as a closure says, one connection at a time,
/// on a thread of its own. It stands in for a coordinator.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        var line: String
        var body: [UInt8]
    }

    enum Answer: Sendable {
        case json(Int, String)
        case bytes([UInt8], headers: [String])
        /// The connection is closed without a word, as by a coordinator that was killed.
        case hangUp
    }

    private let listener: Int32
    private let seen = Mutex<[Request]>([])

    var requests: [Request] { seen.withLock { $0 } }

    init(path: String, answer: @escaping @Sendable (Request) -> Answer) throws {
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 16) == 0 else { throw POSIXError(.EADDRINUSE) }
        let thread = Thread { [listener, weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                while let request = Self.read(connection) {
                    self?.seen.withLock { $0.append(request) }
                    guard Self.write(answer(request), connection) else { break }
                }
                close(connection)
            }
            // Here and not in ``stop()``: the next server may get the number while this thread is
            // about to accept on it.
            close(listener)
        }
        thread.start()
    }

    /// Ends the listener; a thread that waits in `accept` ends with it.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        var header: [UInt8]?
        var length = 0
        while true {
            if header == nil, let range = bytes.firstRange(of: end) {
                header = Array(bytes[..<range.lowerBound])
                bytes.removeSubrange(..<range.upperBound)
                let text = String(decoding: header!, as: UTF8.self).lowercased()
                for line in text.split(separator: "\r\n") where line.hasPrefix("content-length:") {
                    length = Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
                }
            }
            if let header, bytes.count >= length {
                let text = String(decoding: header, as: UTF8.self)
                return Request(
                    line: String(text.split(separator: "\r\n")[0]), body: Array(bytes[..<length]))
            }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = Foundation.read(connection, &buffer, buffer.count)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    /// - Returns: whether the connection stays open.
    private static func write(_ answer: Answer, _ connection: Int32) -> Bool {
        let head: [String]
        let body: [UInt8]
        switch answer {
        case .hangUp: return false
        case .json(let status, let text):
            head = ["HTTP/1.1 \(status) X"]
            body = Array(text.utf8)
        case .bytes(let bytes, let headers):
            head = ["HTTP/1.1 200 OK"] + headers
            body = bytes
        }
        let lines = head + ["Content-Length: \(body.count)", "", ""]
        let message = Array(lines.joined(separator: "\r\n").utf8) + body
        return Foundation.write(connection, message, message.count) == message.count
    }
}
