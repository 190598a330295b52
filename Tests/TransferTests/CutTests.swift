import ByteStream
import ContentStore
import JobModel
import TestSupport
import Testing

@testable import Transfer

@Suite struct CutTests {
    let scratch = Scratch()

    @Test(arguments: LinkKind.allCases)
    func aPushThatIsCutAnywhereGoesOnFromThere(kind: LinkKind) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        for round in 0..<4 {
            let worker = Worker(try scratch.store("worker-\(round)"))
            let tree = try Model.random(&random).stored(in: sender)
            let size = Int(try sender.objects(of: tree).bytes)
            var cuts = 0
            while true {
                // Later attempts get further, as an unstable link does in the end.
                let budget = 300 + random.below(size / 2 + 20_000) + cuts * size / 4
                let (near, far) = try kind.streams()
                let fragile = FragileStream(near, breakingAfter: budget)
                do {
                    try await worker.serving(fragile, far) { connection in
                        try await BulkClient(connection).push(
                            tree, from: ObjectSource(store: sender), on: blocking)
                    }
                    break
                } catch {
                    #expect(!(error is ShuntError), "a cut is no failure of the content: \(error)")
                    cuts += 1
                    expectNoDamage(in: worker.store)
                }
            }
            try expectDurable(tree, in: worker.store)
            expectNoDamage(in: worker.store)
        }
    }

    @Test func whatCameBeforeACutIsNotSentAgain() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var files: [String: Model] = [:]
        for number in 0..<40 { files["f\(number)"] = .file(random.bytes(200_000)) }
        let tree = try Model.directory(files).stored(in: sender)
        let source = ObjectSource(store: sender)

        let (near, far) = try LinkKind.memory.streams()
        await #expect(throws: (any Error).self) {
            try await worker.serving(FragileStream(near, breakingAfter: 6_000_000), far) {
                try await BulkClient($0).push(tree, from: source, on: blocking)
            }
        }
        let rest = try await worker.over(.memory) {
            try await $0.push(tree, from: source, on: blocking)
        }
        // 28 of 40 files had gone through before the cut, in frames of five.
        #expect(rest.bytesSent < 15 * 200_000 + 100_000)
        try expectDurable(tree, in: worker.store)
    }

    /// A source that has a tree's directories and, in place of its one file, a reference.
    private func referring(
        to bytes: [UInt8], _ tree: TreeReference, of sender: ObjectStore
    ) throws -> ObjectSource {
        let bare = try scratch.store("bare")
        for object in [tree.content, tree.metadata] {
            try bare.insert(sender.readBytes(of: object, limit: 1 << 20))
        }
        let file = FileReference(
            digest: ContentHasher.digest(of: bytes), size: ByteCount(Int64(bytes.count)),
            path: scratch.write(bytes, to: "large.bin").bytes)
        return ObjectSource(store: bare, references: [file])
    }

    @Test(arguments: [false, true])
    func aLargeFileGoesOnWhereItWasCut(isReferenced: Bool) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let bytes = random.bytes(20_000_000)
        let whole = try Model.directory(["large": .file(bytes)]).stored(in: sender)
        let source =
            isReferenced
            ? try referring(to: bytes, whole, of: sender) : ObjectSource(store: sender)
        for _ in 0..<2 {
            let (near, far) = try LinkKind.memory.streams()
            await #expect(throws: (any Error).self) {
                try await worker.serving(FragileStream(near, breakingAfter: 8_000_000), far) {
                    try await BulkClient($0).push(whole, from: source, on: blocking)
                }
            }
            #expect(visibleObjects(of: worker.store).isEmpty)
        }
        let rest = try await worker.over(.memory) {
            try await $0.push(whole, from: source, on: blocking)
        }
        // Twice nearly 8 MB have come.
        #expect(rest.bytesSent < 20_000_000 - 2 * 6_000_000)
        try expectDurable(whole, in: worker.store)
    }

    /// A file that changed behind a part that has come must not be completed.
    @Test func aPartOfAnOlderFileIsNotCompletedWithANewerOne() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var bytes = random.bytes(4_000_000)
        let tree = try Model.directory(["large": .file(bytes)]).stored(in: sender)
        let digest = ContentHasher.digest(of: bytes)
        let source = try referring(to: bytes, tree, of: sender)
        let (near, far) = try LinkKind.memory.streams()
        await #expect(throws: (any Error).self) {
            try await worker.serving(FragileStream(near, breakingAfter: 2_500_000), far) {
                try await BulkClient($0).push(tree, from: source, on: blocking)
            }
        }
        bytes[5] ^= 1
        _ = scratch.write(bytes, to: "large.bin")
        let error = await #expect(throws: ShuntError.self) {
            try await worker.over(.memory) {
                try await $0.push(tree, from: source, on: blocking)
            }
        }
        #expect(error?.message.contains("large.bin") == true)
        #expect(try !worker.store.contains(digest))
    }

    @Test func aPullThatIsCutGoesOnFromThere() async throws {
        var random = SeededGenerator.forTest()
        let worker = Worker(try scratch.store("worker"))
        let tree = try Model.random(&random).stored(in: worker.store)
        let size = Int(try worker.store.objects(of: tree).bytes)
        let here = TreeInventory(store: try scratch.store("here"))
        var cuts = 0
        while true {
            let (near, far) = try LinkKind.socket.streams()
            let budget = 300 + random.below(size / 2 + 20_000) + cuts * size / 4
            do {
                try await worker.serving(FragileStream(near, breakingAfter: budget), far) {
                    try await BulkClient($0).pull(tree, into: here, on: blocking)
                }
                break
            } catch {
                #expect(!(error is ShuntError))
                cuts += 1
                expectNoDamage(in: here.store)
            }
        }
        try expectDurable(tree, in: here.store)
    }
}
