import Foundation
import JobModel
import Synchronization
import Testing

@testable import CoordinatorClient

@Suite struct CoordinatorConnectionTests {
    /// Runs the body with a connection to a scripted server.
    private func withServer<Result>(
        _ answer: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Answer,
        _ body: (CoordinatorConnection, ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/socket"
        let server = try ScriptedServer(path: path, answer: answer)
        defer { server.stop() }
        let connection = CoordinatorConnection(socketPath: path)
        return try await body(connection, server)
    }

    private func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    @Test func aJobIsAskedForWithItsVersionAndWait() async throws {
        let view = Samples.job(.active, phase: .running)
        let text = try json(view)
        try await withServer({ _ in .json(200, text) }) { connection, server in
            let answer = try await connection.job(
                JobReference("digits"), after: 7, wait: .minutes(10))
            #expect(answer == view)
            #expect(
                server.requests.map(\.line) == [
                    "GET /v1/jobs/digits?after=7&wait_ms=30000 HTTP/1.1"
                ])
        }
    }

    @Test func anErrorOfTheCoordinatorIsThrownAsItIs() async throws {
        let error = ShuntError(.refused, "it does not fit", hint: "shunt worker ls")
        let text = try json(error)
        await #expect(throws: error) {
            try await self.withServer({ _ in .json(409, text) }) { connection, _ in
                try await connection.workers()
            }
        }
    }

    @Test func anAnswerThatIsNoErrorOfOursIsReportedByItsStatus() async throws {
        let error = await #expect(throws: ShuntError.self) {
            try await self.withServer({ _ in .json(404, "<html>") }) { connection, _ in
                try await connection.status()
            }
        }
        #expect(error?.message.contains("404") == true)
    }

    @Test func aLogPageBringsItsBytesAndOffset() async throws {
        let headers = ["\(LogHeaders.nextOffset): 42", "\(LogHeaders.complete): 1"]
        try await withServer({ _ in .bytes([1, 2, 0xff], headers: headers) }) {
            connection, server in
            let page = try await connection.logPage(
                of: JobReference(JobID("7f3k2a")!), from: 39, wait: .seconds(1))
            #expect(page == LogPage(bytes: [1, 2, 0xff], nextOffset: 42, isComplete: true))
            let query = "rank=0&offset=39&max=\(APIPath.logPage.bytes)&wait_ms=1000"
            #expect(server.requests[0].line == "GET /v1/jobs/7f3k2a/log?\(query) HTTP/1.1")
        }
    }

    @Test func aLogPageThatGoesBackwardsIsRefused() async throws {
        let headers = ["\(LogHeaders.nextOffset): 3"]
        await #expect(throws: ShuntError.self) {
            try await self.withServer({ _ in .bytes([], headers: headers) }) { connection, _ in
                try await connection.logPage(of: JobReference(JobID("7f3k2a")!), from: 39)
            }
        }
    }

    @Test func whereNobodyListensTheCoordinatorIsUnreachable() async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let connection = CoordinatorConnection(socketPath: directory.path + "/socket")
        let error = await #expect(throws: ShuntError.self) { try await connection.status() }
        #expect(error?.code == .unreachable)
    }

    @Test func theFirstRequestStartsACoordinator() async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/socket"
        let started = Mutex<ScriptedServer?>(nil)
        let connection = CoordinatorConnection(socketPath: path) {
            let server = try ScriptedServer(path: path) { _ in .json(200, "[]") }
            started.withLock { $0 = server }
        }
        #expect(try await connection.workers().isEmpty)
        #expect(started.withLock { $0?.requests.count } == 1)
        started.withLock { $0?.stop() }
    }

    @Test func aSubmissionThatWasCutOffIsSentAgainUnderItsKey() async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/socket"
        let count = Atomic<Int>(0)
        let answer = try json(SubmitResponse(id: JobID("7f3k2a")!))
        let server = try ScriptedServer(path: path) { _ in
            count.add(1, ordering: .relaxed).newValue < 3 ? .hangUp : .json(201, answer)
        }
        let connection = CoordinatorConnection(socketPath: path) {}
        let request = SubmitRequest(
            clientKey: "k", spec: JobSpec(command: .shell("true")), inputs: Samples.inputs(),
            confirmed: false)
        #expect(try await connection.submit(request) == JobID("7f3k2a"))
        let bodies = try server.requests.map {
            try JSONDecoder().decode(SubmitRequest.self, from: Data($0.body))
        }
        #expect(bodies == [request, request, request])
        server.stop()
    }

    @Test func aSignalIsNeverSentTwice() async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/socket"
        let server = try ScriptedServer(path: path) { _ in .hangUp }
        let connection = CoordinatorConnection(socketPath: path) {}
        let error = await #expect(throws: ShuntError.self) {
            try await connection.signal(JobReference(JobID("7f3k2a")!), 2)
        }
        #expect(error?.code == .unreachable)
        #expect(server.requests.count == 1)
        server.stop()
    }

    @Test func textThatNoJobIsCalledIsNotFoundWithoutAsking() {
        for text in ["", "a b", "../x", "a/b", "-f", "ä"] {
            #expect(throws: ShuntError.self) { try JobReference(text) }
        }
    }

    @Test func silenceIsToldInWords() async {
        let connection = CoordinatorConnection(socketPath: "/s")
        let error = TransportFailure(reason: .silence, detail: "has not answered for 60 s")
            .error(connection)
        #expect(error.code == .unreachable)
        #expect(error.message == "the coordinator has not answered for 60 s")
        #expect(error.hint == "ps -C shunt")
    }
}
