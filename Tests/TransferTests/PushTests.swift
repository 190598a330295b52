import ByteStream
import ContentStore
import JobModel
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Transfer

@Suite struct PushTests {
    let scratch = Scratch()

    @Test(arguments: LinkKind.allCases)
    func aTreeArrivesWholeAndDurable(kind: LinkKind) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        for _ in 0..<6 {
            let tree = try Model.random(&random).stored(in: sender)
            let before = try worker.inventory.isWhole(tree)
            let report = try await worker.over(kind) {
                try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
            }
            #expect(report.wasComplete == before)
            try expectDurable(tree, in: worker.store)
            let objects = try sender.objects(of: tree)
            #expect(report.bytesSent < objects.bytes + 400_000)
        }
        expectNoDamage(in: worker.store)
    }

    /// Directories of 40 small files each.
    private static func manyFiles(
        directories: Int, _ random: inout SeededGenerator
    ) -> Model {
        var model = Model.directory([:])
        for directory in 0..<directories {
            var files: [String: Model] = [:]
            for file in 0..<40 {
                files["f\(file)"] = .file(
                    random.bytes(50 + random.below(200)), modified: Int64(directory))
            }
            model.set("top\(directory % 10)/sub\(directory)", to: .directory(files))
        }
        return model
    }

    @Test(arguments: LinkKind.allCases)
    func thousandsOfSmallFilesAndThenOneEdit(kind: LinkKind) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var model = Self.manyFiles(directories: 250, &random)
        let tree = try model.stored(in: sender)
        let source = ObjectSource(store: sender)

        let cold = try await worker.over(kind) { client in
            try await client.push(tree, from: source, on: blocking)
        }
        #expect(cold.objectsSent >= 10_000 + 2 * 261)
        try expectDurable(tree, in: worker.store)

        // Unchanged, whether the worker remembers or has to look.
        for worker in [worker, Worker(try scratch.store("worker"))] {
            let unchanged = try await worker.over(kind) { client in
                try await client.push(tree, from: source, on: blocking)
            }
            #expect(unchanged.wasComplete)
            #expect(unchanged.objectsSent == 0)
            #expect(unchanged.bytesSent + unchanged.bytesReceived < 20_000)
        }

        // An edit costs the file, the directories on its path, and a few questions.
        model.set("top3/sub13/f7", to: .file(random.bytes(30_000)))
        let edited = try model.stored(in: sender)
        let edit = try await worker.over(kind) { client in
            try await client.push(edited, from: source, on: blocking)
        }
        #expect(edit.objectsSent == 1 + 2 * 3)
        #expect(edit.bytesSent < 30_000 + 40_000)
        try expectDurable(edited, in: worker.store)

        // A touch costs metadata alone.
        model.set("top3/sub13/f8", to: .file(Array("new here".utf8), modified: 1))
        _ = try await worker.over(kind) { [model] client in
            try await client.push(
                try model.stored(in: sender), from: source, on: blocking)
        }
        model.set("top3/sub13/f8", to: .file(Array("new here".utf8), modified: 99))
        let touched = try model.stored(in: sender)
        let touch = try await worker.over(kind) { client in
            try await client.push(touched, from: source, on: blocking)
        }
        #expect(touch.objectsSent == 3)
        try expectDurable(touched, in: worker.store)
    }

    @Test func anUnchangedTreeCostsOneRoundTrip() async throws {
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let tree = try Model.directory(["a": .text("a"), "b": .directory(["c": .text("c")])])
            .stored(in: sender)
        try await worker.over(.memory) {
            try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
        }
        let (near, far) = try LinkKind.memory.streams()
        try await worker.serving(near, far) { connection in
            try await connection.send(.push)
            try await connection.send(.offer(tree, guess: []))
            #expect(try await connection.receive() == .complete(unchanged: true))
        }
    }

    @Test func directoriesLargerThanAFrameTravelInParts() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var files: [String: Model] = [:]
        let padding = String(repeating: "n", count: 200)
        for number in 0..<9000 { files["\(number)-\(padding)"] = .text("\(number % 50)") }
        files["large"] = .file(random.bytes(3_300_000))
        let tree = try Model.directory(["all": .directory(files)]).stored(in: sender)
        #expect(try sender.objects(of: tree).directories.count == 2)
        let report = try await worker.over(.memory) {
            try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
        }
        #expect(report.objectsSent == 4 + 50 + 1)
        try expectDurable(tree, in: worker.store)
    }

    @Test func deepTreesNeedFewRoundsAndNoRecursion() async throws {
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var model = Model.text("bottom")
        for level in 0..<2000 { model = .directory(["d\(level % 3)": model]) }
        let tree = try model.stored(in: sender)
        let report = try await worker.over(.socket) {
            try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
        }
        #expect(report.objectsSent == 4001)
        try expectDurable(tree, in: worker.store)
    }

    @Test(arguments: [false, true])
    func compressionChangesTheBytesOnTheWireAndNothingElse(compresses: Bool) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let text = (0..<30_000).map { "line \($0 % 100) of a text\n" }.joined()
        let tree = try Model.directory([
            "text": .text(text), "long": .text(String(repeating: text, count: 4)),
            "noise": .file(random.bytes(200_000)), "empty": .file([]),
        ]).stored(in: sender)
        let report = try await worker.over(.memory) {
            try await $0.push(
                tree, from: ObjectSource(store: sender), on: blocking,
                options: TransferOptions(compresses: compresses))
        }
        try expectDurable(tree, in: worker.store)
        let size = try sender.objects(of: tree).bytes
        if compresses {
            #expect(report.bytesSent < size / 4)
        } else {
            #expect(report.bytesSent > size)
        }
    }

    @Test func twoPushesOfOneTreeAtOnceBothEndComplete() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let tree = try Self.manyFiles(directories: 40, &random).stored(in: sender)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    _ = try await worker.over(.memory) {
                        try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
                    }
                }
            }
            try await group.waitForAll()
        }
        try expectDurable(tree, in: worker.store)
        expectNoDamage(in: worker.store)
    }

    @Test func progressCountsToTheEnd() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let tree = try Model.directory([
            "a": .file(random.bytes(3_000_000)), "b": .text("b"), "c": .text("c"),
        ]).stored(in: sender)
        let seen = Mutex<[TransferProgress]>([])
        try await worker.over(.memory) { client in
            try await client.push(
                tree, from: ObjectSource(store: sender), on: blocking,
                options: TransferOptions { progress in seen.withLock { $0.append(progress) } })
        }
        let last = seen.withLock(\.last)
        #expect(
            last
                == TransferProgress(
                    bytes: 3_000_002, totalBytes: 3_000_002, files: 3, totalFiles: 3))
        #expect(seen.withLock(\.count) >= 3)
    }

    /// The receiver stops reading: what the sender has read and sent stays within the stream's
    /// buffer and the frames ahead.
    @Test func aReceiverThatStopsReadingBoundsWhatIsInFlight() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let tree = try Model.directory(["large": .file(random.bytes(24 << 20))])
            .stored(in: sender)
        let (near, far) = MemoryStream.pair()
        let (client, agent) = try await connect(near, far)
        let furthest = Mutex<Int64>(0)
        let push = Task {
            try await BulkClient(client).push(
                tree, from: ObjectSource(store: sender), on: blocking,
                options: TransferOptions { progress in
                    furthest.withLock { $0 = progress.bytes }
                })
        }
        #expect(try await agent.receive() == .push)
        #expect(try await agent.receive() == .offer(tree, guess: []))
        try await agent.send(.bitmap(MissingBitmap([true, true])))
        while try await agent.receive() != .end {}
        try await agent.send(.wanted(MissingBitmap([true]), partials: []))
        // Full, and it stays so: nothing else runs that could change it.
        let deadline = ContinuousClock.now + longEnough
        while far.buffered.inbound < StreamLimits.buffer, ContinuousClock.now < deadline {
            await Task.yield()
        }
        for _ in 0..<1000 { await Task.yield() }
        #expect(far.buffered.inbound <= StreamLimits.buffer)
        #expect(
            furthest.withLock(\.self) <= Int64(StreamLimits.buffer + WireLimits.body))
        push.cancel()
        await #expect(throws: (any Error).self) { try await push.value }
        await agent.close()
    }
}
