internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import JobModel
internal import NIOCore
internal import Wire

/// The HTTP API over the Unix socket: reads a request, asks the coordinator, writes JSON. The
/// paths, bodies and answers are those of ``APIPath``.
struct CoordinatorAPI: Sendable {
    typealias Context = BasicRequestContext

    let coordinator: Coordinator

    func router() -> Router<Context> {
        let router = Router(context: Context.self)
        router.add(middleware: ErrorsAsJSON())
        router.add(middleware: AuthenticationSocketHeader(coordinator: coordinator))
        addJobRoutes(to: router)
        addLogRoutes(to: router)
        addWorkerRoutes(to: router)
        addEnvironmentRoutes(to: router)
        addDataRoutes(to: router)
        let coordinator = coordinator
        router.get("/v1/status") { _, _ in try JSONBody(await coordinator.status()) }
        router.post("/v1/stop") { _, _ in
            coordinator.requestStop()
            return Response(status: .accepted)
        }
        return router
    }

    private func addJobRoutes(to router: Router<Context>) {
        let coordinator = coordinator
        router.post("/v1/jobs") { request, _ in
            let body = try await Self.decode(SubmitRequest.self, from: request)
            let id = try await coordinator.submit(body)
            return try JSONBody(SubmitResponse(id: id), status: .created)
        }
        router.post("/v1/plan") { request, _ in
            let body = try await Self.decode(PlanRequest.self, from: request)
            return try JSONBody(await coordinator.plan(body))
        }
        router.get("/v1/jobs") { request, _ in
            let query = request.uri.queryParameters
            let all = query["all"] == "1"
            let limit = query["limit"].flatMap { Int($0) } ?? 10_000
            guard (1...10_000).contains(limit) else {
                throw ShuntError(.usage, "`limit` is 1 … 10000", hint: nil)
            }
            let name = query["name"].map(String.init)
            return try JSONBody(await coordinator.jobs(all: all, limit: limit, name: name))
        }
        router.get("/v1/jobs/:job") { request, context in
            let query = request.uri.queryParameters
            let after = query["after"].flatMap { UInt64($0) }
            let wait = Self.wait(query["wait_ms"])
            return try JSONBody(
                await coordinator.job(try context.reference, after: after, wait: wait))
        }
        router.post("/v1/jobs/:job/cancel") { request, context in
            let body = try await Self.decode(CancelRequest.self, from: request)
            try await coordinator.cancel(
                try context.reference, immediately: body.immediately)
            return Response(status: .noContent)
        }
        router.post("/v1/jobs/:job/signal") { request, context in
            let body = try await Self.decode(SignalRequest.self, from: request)
            guard (1...64).contains(body.signal) else {
                throw ShuntError(
                    .usage, "there is no signal \(body.signal)", hint: "kill -l")
            }
            try await coordinator.signal(try context.reference, number: body.signal)
            return Response(status: .noContent)
        }
        router.post("/v1/jobs/:job/fetch") { _, context in
            try JSONBody(await coordinator.fetch(try context.reference))
        }
    }

    private func addLogRoutes(to router: Router<Context>) {
        let coordinator = coordinator
        router.get("/v1/jobs/:job/log") { request, context in
            let query = request.uri.queryParameters
            let offset = query["offset"].flatMap { UInt64($0) } ?? 0
            let limit = min(
                APIPath.logPage.bytes,
                max(1, query["max"].flatMap { Int64($0) } ?? APIPath.logPage.bytes))
            let page = try await coordinator.log(
                try context.reference, rank: Self.rank(query["rank"]), from: offset,
                limit: Int(limit),
                wait: Self.wait(query["wait_ms"]))
            var headers = HTTPFields()
            headers[Self.nextOffset] = String(page.nextOffset)
            headers[Self.complete] = page.isComplete ? "1" : "0"
            headers[.contentType] = "application/octet-stream"
            return Response(
                status: .ok, headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: page.bytes)))
        }
        router.get("/v1/jobs/:job/log-tail") { request, context in
            let query = request.uri.queryParameters
            let lines = query["lines"].flatMap { Int($0) } ?? 10
            let stream = query["stream"].flatMap { UInt8($0) }.flatMap(LogStream.init(rawValue:))
            return try JSONBody(
                await coordinator.logTail(
                    try context.reference, rank: Self.rank(query["rank"]),
                    lines: max(0, min(lines, 1_000_000)),
                    streams: stream.map { [$0] } ?? []))
        }
    }

    /// Of the task whose log is meant; rank 0 where none is named.
    private static func rank(_ text: Substring?) -> Int { text.flatMap { Int($0) } ?? 0 }

    private func addWorkerRoutes(to router: Router<Context>) {
        let coordinator = coordinator
        router.get("/v1/workers") { _, _ in try JSONBody(await coordinator.workers()) }
        router.put("/v1/workers") { request, _ in
            let record = try await Self.decode(WorkerRecord.self, from: request)
            try await coordinator.putWorker(record)
            return Response(status: .noContent)
        }
        router.delete("/v1/workers/:worker") { request, context in
            let lost = request.uri.queryParameters["lost"] == "1"
            try await coordinator.removeWorker(try context.workerName, declaresLost: lost)
            return Response(status: .noContent)
        }
        router.post("/v1/workers/:worker/drain") { request, context in
            let resumes = request.uri.queryParameters["resume"] == "1"
            try await coordinator.drainWorker(try context.workerName, !resumes)
            return Response(status: .noContent)
        }
        router.post("/v1/workers/:worker/connect") { request, context in
            let wait = Self.wait(request.uri.queryParameters["wait_ms"])
            return try JSONBody(
                await coordinator.connectWorker(try context.workerName, wait: wait))
        }
    }

    private func addDataRoutes(to router: Router<Context>) {
        let coordinator = coordinator
        router.post("/v1/workers/:worker/data") { request, context in
            let change = try await Self.decode(DatasetChange.self, from: request)
            try await coordinator.changeDatasets(change, on: try context.workerName)
            return Response(status: .noContent)
        }
        router.post("/v1/workers/:worker/examine") { request, context in
            let dataset = try await Self.decode(Dataset.self, from: request)
            guard Dataset.isPath(dataset.path) else {
                throw ShuntError(
                    .usage, "`\(dataset.path)` is no absolute path",
                    hint: "shunt worker data --help")
            }
            return try JSONBody(
                await coordinator.examineData(on: try context.workerName, at: dataset.path))
        }
        router.post("/v1/configuration/read") { _, _ in
            await coordinator.followRules()
            return Response(status: .noContent)
        }
    }

    private func addEnvironmentRoutes(to router: Router<Context>) {
        let coordinator = coordinator
        router.get("/v1/workers/:worker/environments") { _, context in
            try JSONBody(await coordinator.environments(of: try context.workerName, .list))
        }
        router.delete("/v1/workers/:worker/environments/:key") { _, context in
            let key = try context.parameters.require("key")
            return try JSONBody(
                await coordinator.environments(of: try context.workerName, .remove(key: key)))
        }
    }

    private static let nextOffset = headerName(LogHeaders.nextOffset)
    private static let complete = headerName(LogHeaders.complete)

    fileprivate static let authenticationSocket = headerName(
        AuthenticationSocketHeaderName.text)

    private static func headerName(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else {
            preconditionFailure("`\(text)` is a header name of ours")
        }
        return name
    }

    private static func wait(_ text: Substring?) -> Milliseconds {
        let wanted = text.flatMap { Int64($0) } ?? 0
        return min(APIPath.longestWait, Milliseconds(max(0, wanted)))
    }

    private static func decode<Body: Decodable>(
        _ type: Body.Type, from request: Request
    ) async throws -> Body {
        let buffer = try await request.body.collect(upTo: Int(APIPath.bodyLimit.bytes))
        do {
            return try JSONDecoder().decode(type, from: Data(buffer.readableBytesView))
        } catch {
            throw ShuntError(
                .usage, "the request cannot be read: \(error)",
                hint: "shunt and its coordinator may be of different releases: "
                    + "shunt coordinator stop")
        }
    }
}

extension CoordinatorAPI.Context {
    /// What the path names a job by.
    var reference: String {
        get throws {
            let text = try parameters.require("job")
            return text.removingPercentEncoding ?? text
        }
    }

    /// The worker that the path names.
    var workerName: WorkerName {
        get throws {
            let text = try parameters.require("worker")
            guard let name = WorkerName(text) else {
                throw ShuntError(
                    .notFound, "there is no worker `\(text)`", hint: "shunt worker ls")
            }
            return name
        }
    }
}

/// Every command says where its person's ssh-agent is.
struct AuthenticationSocketHeader: RouterMiddleware {
    typealias Context = CoordinatorAPI.Context

    let coordinator: Coordinator

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let path = request.headers[CoordinatorAPI.authenticationSocket], !path.isEmpty {
            coordinator.noteAuthenticationSocket(path)
        }
        return try await next(request, context)
    }
}

/// A JSON answer.
struct JSONBody: ResponseGenerator {
    private let data: Data
    private let status: HTTPResponse.Status

    init(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        data = try encoder.encode(value)
        self.status = status
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }
}

/// Turns every error into a ``ShuntError`` as JSON.
struct ErrorsAsJSON: RouterMiddleware {
    typealias Context = CoordinatorAPI.Context

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as ShuntError {
            return try Self.answer(error, request, context)
        } catch let error as any HTTPResponseError {
            let shown = ShuntError(
                error.status == .notFound ? .notFound : .usage,
                "the coordinator does not know this request: \(request.uri.path)",
                hint: "shunt and its coordinator may be of different releases: "
                    + "shunt coordinator stop")
            return try Self.answer(shown, request, context)
        } catch is CancellationError {
            return try Self.answerStopping(request, context)
        } catch is CoordinatorStopping {
            return try Self.answerStopping(request, context)
        } catch {
            return try Self.answer(
                ShuntError(.failed, "\(error)", hint: nil), request, context)
        }
    }

    /// 503 says that nothing was done and that the next coordinator will do it.
    private static func answerStopping(
        _ request: Request, _ context: Context
    ) throws -> Response {
        try JSONBody(CoordinatorStopping.shown, status: .serviceUnavailable)
            .response(from: request, context: context)
    }

    private static func answer(
        _ error: ShuntError, _ request: Request, _ context: Context
    ) throws -> Response {
        let status: HTTPResponse.Status =
            switch error.code {
            case .usage: .badRequest
            case .notFound: .notFound
            case .unreachable: .badGateway
            case .refused: .conflict
            case .failed: .internalServerError
            }
        return try JSONBody(error, status: status).response(from: request, context: context)
    }
}
