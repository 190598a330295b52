internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// One request, ready to be sent any number of times.
struct APIRequest {
    var method: HTTPMethod
    /// Path and query, percent-encoded.
    var target: String
    var body: [UInt8]?
    /// How long the coordinator may wait before it answers.
    var wait: Milliseconds

    static func get(
        _ path: String, _ query: [QueryItem] = [], wait: Milliseconds = Milliseconds(0)
    ) -> APIRequest {
        APIRequest(method: .GET, target: target(path, query), body: nil, wait: wait)
    }

    static func post(
        _ path: String, _ query: [QueryItem] = [], wait: Milliseconds = Milliseconds(0)
    ) -> APIRequest {
        APIRequest(method: .POST, target: target(path, query), body: [], wait: wait)
    }

    static func delete(_ path: String, _ query: [QueryItem]) -> APIRequest {
        APIRequest(
            method: .DELETE, target: target(path, query), body: nil, wait: Milliseconds(0))
    }

    private static func target(_ path: String, _ query: [QueryItem]) -> String {
        let text = query.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }
        return text.isEmpty ? path : path + "?" + text.joined(separator: "&")
    }

    static func post(_ path: String, body: some Encodable) throws -> APIRequest {
        try with(.POST, path, body)
    }

    static func put(_ path: String, body: some Encodable) throws -> APIRequest {
        try with(.PUT, path, body)
    }

    private static func with(
        _ method: HTTPMethod, _ path: String, _ body: some Encodable
    ) throws -> APIRequest {
        let data = try JSONEncoder().encode(body)
        guard data.count <= APIPath.bodyLimit.bytes else {
            throw ShuntError(
                .usage,
                "the job is described by \(ByteCount(Int64(data.count))), "
                    + "and \(APIPath.bodyLimit) is the most",
                hint: "shunt run -- sh job.sh")
        }
        return APIRequest(method: method, target: path, body: [UInt8](data), wait: Milliseconds(0))
    }
}

/// A parameter of a query.
struct QueryItem {
    var name: String
    var value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A successful answer.
struct APIAnswer {
    var headers: HTTPHeaders
    var body: [UInt8]
}

/// Why a request got no answer.
struct TransportFailure: Error {
    var reason: Reason
    var detail: String

    enum Reason {
        /// Nobody listens on the socket, or whoever does is ending: nobody has seen the request.
        case notSent
        /// The connection broke before the answer.
        case interrupted
        /// Somebody listens and says nothing; another try would wait as long.
        case silence
    }

    func error(_ connection: CoordinatorConnection) -> ShuntError {
        switch reason {
        case .notSent:
            return ShuntError(
                .unreachable, "no coordinator runs (`\(connection.socketPath)`: \(detail))",
                hint: "shunt ps")
        case .interrupted:
            return ShuntError(
                .unreachable, "the coordinator stopped answering: \(detail)",
                hint: "shunt coordinator status")
        case .silence:
            return ShuntError(
                .unreachable, "\(connection.coordinatorText) \(detail)",
                hint: connection.holder.map { "kill -KILL \($0)" } ?? "ps -C shunt")
        }
    }
}

/// RFC 3986: everything but unreserved characters becomes `%XX`.
enum PercentEncoding {
    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return result
    }
}

extension CoordinatorConnection {
    /// Sends a request whose answer is a value in JSON.
    func exchange<Answer: Decodable>(
        _ request: @autoclosure () throws -> APIRequest, repeating: Repetition
    ) async throws -> Answer {
        let answer = try await perform(try request(), repeating: repeating)
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(answer.body))
        } catch {
            throw ShuntError(
                .failed, "the coordinator's answer is not understood, it may be of another release",
                hint: "shunt coordinator stop")
        }
    }

    /// Sends a request whose answer says only that it was carried out.
    func send(_ request: @autoclosure () throws -> APIRequest, repeating: Repetition) async throws {
        _ = try await perform(try request(), repeating: repeating)
    }
}

extension CoordinatorConnection {
    /// Sends a request once and collects its answer.
    ///
    /// - Throws: ``ShuntError`` that the coordinator answered with, ``TransportFailure`` where it
    ///   did not answer.
    func attempt(_ request: APIRequest) async throws -> APIAnswer {
        var head = HTTPRequestHead(version: .http1_1, method: request.method, uri: request.target)
        head.headers.add(name: "Host", value: "localhost")
        if let path = Self.authenticationSocket {
            head.headers.add(name: AuthenticationSocketHeaderName.text, value: path)
        }
        if let body = request.body {
            head.headers.add(name: "Content-Length", value: "\(body.count)")
            head.headers.add(name: "Content-Type", value: "application/json")
        }
        let seconds = ClientLimits.answerSeconds + request.wait.count / 1000
        let watch = watchSilence(beyond: request.wait)
        defer { watch.cancel() }
        do {
            let answer = try await HTTPExchange.perform(
                head, body: request.body ?? [], over: socketPath, within: .seconds(seconds))
            let status = answer.head.status
            let bytes = answer.body.map { [UInt8]($0.readableBytesView) } ?? []
            if status == .serviceUnavailable {
                // It ends; the one that comes next has not seen the request.
                throw TransportFailure(reason: .notSent, detail: "it is stopping")
            }
            guard (200..<300).contains(status.code) else {
                throw Self.refusal(status, bytes)
            }
            return APIAnswer(headers: answer.head.headers, body: bytes)
        } catch let error as ShuntError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch let error as IOError {
            throw TransportFailure(
                reason: [ENOENT, ECONNREFUSED].contains(error.errnoCode)
                    ? .notSent : .interrupted,
                detail: String(cString: strerror(error.errnoCode)))
        } catch ExchangeFailure.deadline {
            throw TransportFailure(
                reason: .silence, detail: "has not answered for \(seconds) s")
        } catch ExchangeFailure.closed {
            throw TransportFailure(reason: .interrupted, detail: "it closed the connection")
        } catch let failure as TransportFailure {
            throw failure
        } catch {
            throw TransportFailure(reason: .interrupted, detail: "\(error)")
        }
    }

    /// Tells a person, once, that an answer is late.
    private func watchSilence(beyond wait: Milliseconds) -> Task<Void, Never> {
        Task {
            do {
                try await Task.sleep(
                    for: .milliseconds(wait.count) + ClientLimits.silenceBeforeWord)
            } catch {
                return
            }
            silence.tell("\(coordinatorText) does not answer; waiting for it")
        }
    }

    /// Of this process's person; one that no header can carry is none.
    private static let authenticationSocket: String? = getenv("SSH_AUTH_SOCK")
        .map { String(cString: $0) }
        .flatMap { path in
            path.hasPrefix("/") && path.utf8.allSatisfy { (0x20..<0x7f).contains($0) } ? path : nil
        }

    /// The error that an answer other than 2xx carries.
    private static func refusal(_ status: HTTPResponseStatus, _ body: [UInt8]) -> ShuntError {
        // An answer that is no error of ours (the server's own 404, say) is reported by its status.
        if let error = try? JSONDecoder().decode(ShuntError.self, from: Data(body)) { return error }
        return ShuntError(
            .failed, "the coordinator answered \(status.code) to this request",
            hint: "shunt coordinator stop")
    }
}
