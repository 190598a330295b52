import ContentStore
import JobModel
import TestSupport
import Testing
import Wire

@testable import Transfer

@Suite struct PullTests {
    let scratch = Scratch()

    @Test(arguments: LinkKind.allCases, [false, true])
    func aTreeIsFetchedAndASecondTimeCostsNothing(
        kind: LinkKind, compresses: Bool
    ) async throws {
        var random = SeededGenerator.forTest()
        let worker = Worker(try scratch.store("worker"))
        let here = TreeInventory(store: try scratch.store("here"))
        let options = TransferOptions(compresses: compresses)
        let tree = try Model.random(&random).stored(in: worker.store)
        try await worker.over(kind) { client in
            let first = try await client.pull(tree, into: here, on: blocking, options: options)
            try expectDurable(tree, in: here.store)
            let second = try await client.pull(tree, into: here, on: blocking, options: options)
            #expect(second.wasComplete)
            #expect(second.bytesSent + second.bytesReceived < 20_000)
            #expect(first.bytesReceived >= second.bytesReceived)
            // The stream serves other requests after that.
            #expect(client.isReusable)
            #expect(try await client.availability(of: .existing("other")) == .toBuild)
        }
        expectNoDamage(in: here.store)
    }

    @Test func someFilesOfATreeAreFetchedAlone() async throws {
        var random = SeededGenerator.forTest()
        let worker = Worker(try scratch.store("worker"))
        let here = try scratch.store("here")
        let large = random.bytes(3_000_000)
        let tree = try Model.directory([
            "model": .file(large), "notes": .text("notes"), "rest": .text("not wanted"),
        ]).stored(in: worker.store)
        let wanted = try worker.store.objects(of: tree).files.filter { $0.size != 10 }
        try await worker.over(.memory) { client in
            let report = try await client.pull(
                wanted + wanted, into: here, on: blocking)
            #expect(report.objectsSent == 2)
            #expect(try await client.pull(wanted, into: here, on: blocking).wasComplete)
        }
        let fresh = try scratch.store("here")
        for file in wanted { #expect(try fresh.size(of: file.digest) == file.size) }
        #expect(visibleObjects(of: here).count == 2)
    }

    @Test func whatTheWorkerDoesNotHaveIsNotFound() async throws {
        var random = SeededGenerator.forTest()
        let worker = Worker(try scratch.store("worker"))
        let here = TreeInventory(store: try scratch.store("here"))
        let digest = Digest(bytes: random.bytes(32))!
        let tree = TreeReference(content: digest, metadata: digest)
        let error = await #expect(throws: ShuntError.self) {
            try await worker.over(.memory) {
                try await $0.pull(tree, into: here, on: blocking)
            }
        }
        #expect(error?.code == .notFound)
        let listed = await #expect(throws: ShuntError.self) {
            try await worker.over(.memory) {
                try await $0.pull(
                    [TreeObjects.File(digest: digest, size: 4)], into: here.store, on: blocking)
            }
        }
        #expect(listed?.code == .notFound)
    }

    @Test func logAndEnvironmentRequestsAreAnsweredInOrder() async throws {
        let worker = Worker(try scratch.store("worker"))
        let token = StartToken(
            coordinator: CoordinatorID(high: 1, low: 1), epoch: 1,
            task: TaskID("7f3k2a.1/0")!, nonce: 5)
        @Sendable func request(_ offset: UInt64) -> ReadLog {
            ReadLog(token: token, offset: offset, maximumBytes: 100, wait: .seconds(1))
        }
        try await worker.over(.socket) { client in
            let page = try await client.readLog(request(30))
            #expect(page.bytes.count == 100)
            #expect(page.nextOffset == 130)
            // A failure is an answer: the stream goes on.
            let error = await #expect(throws: ShuntError.self) {
                try await client.readLog(request(5000))
            }
            #expect(error?.message == "nothing at 5000")
            #expect(client.isReusable)
            let tail = try await client.tailLog(token, lines: 7, streams: [.standardOutput])
            #expect(tail == LogOffset(offset: 70, skip: 1))
            #expect(try await client.availability(of: .existing("known")) == .cached)
        }
    }

    @Test func oneAnswerHasAsManyPagesOfALogAsWereAllowed() async throws {
        let worker = Worker(try scratch.store("worker"))
        let token = StartToken(
            coordinator: CoordinatorID(high: 1, low: 1), epoch: 1,
            task: TaskID("7f3k2a.1/0")!, nonce: 5)
        try await worker.over(.socket) { client in
            var request = ReadLog(
                token: token, offset: 30, maximumBytes: 100, wait: .seconds(1), furtherPages: 3)
            let whole = try await client.readLog(request)
            #expect(whole.bytes.count == 400)
            #expect(whole.nextOffset == 430)
            #expect(!whole.hasMore && !whole.isComplete)
            // What fails after the first page is heard by whoever asks for it next.
            request.offset = 900
            let end = try await client.readLog(request)
            #expect(end.nextOffset == 1000)
            request.offset = 1000
            await #expect(throws: ShuntError.self) { try await client.readLog(request) }
            #expect(client.isReusable)
        }
    }

    @Test func missingBytesAreWhatAPushWouldSend() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var model = Model.random(&random)
        for round in 0..<4 {
            model.set("round\(round)/new", to: .file(random.bytes(10_000 + round)))
            let tree = try model.stored(in: sender)
            let have = try worker.inventory.isWhole(tree)
            #expect(!have)
            try await worker.over(.memory) { client in
                let missing = try await client.missingFiles(
                    of: tree, in: sender, on: blocking)
                let lacking = try sender.objects(of: tree).files.filter {
                    try !worker.store.contains($0.digest)
                }
                #expect(missing.totalSize.bytes == lacking.reduce(0) { $0 + $1.size })
                try await client.push(tree, from: ObjectSource(store: sender), on: blocking)
                let after = try await client.missingFiles(
                    of: tree, in: sender, on: blocking)
                #expect(after.isEmpty)
            }
        }
    }
}
