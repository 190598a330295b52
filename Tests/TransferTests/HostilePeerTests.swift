import ByteStream
import ContentStore
import JobModel
import TestSupport
import Testing
import Wire

@testable import Transfer

/// A coordinator that breaks the rules of a push: the worker says no, ends the stream, and shows
/// nothing of what came.
@Suite struct HostilePeerTests {
    let scratch = Scratch()

    /// Plays the sender by hand.
    struct Forger: Sendable {
        let connection: BulkConnection

        func offer(_ tree: TreeReference, guess: [TreeReference] = []) async throws {
            try await connection.send(.push)
            try await connection.send(.offer(tree, guess: guess))
            let answer = try await connection.expect()
            guard case .bitmap(let bitmap) = answer, bitmap[0] else {
                throw ShuntError(.failed, "the worker does not want the tree")
            }
        }

        func send(_ objects: [[UInt8]], as digests: [Digest]? = nil) async throws {
            let named = digests ?? objects.map { ContentHasher.digest(of: $0) }
            try await connection.send(
                .objects(
                    ObjectBatch(
                        items: zip(named, objects).map {
                            ObjectBatch.Item(digest: $0, size: $1.count)
                        },
                        body: EncodedBody(bytes: objects.flatMap(\.self)))))
        }

        /// Sends a whole one-level tree up to the question for its files.
        func structure(_ tree: ForgedTree) async throws {
            try await offer(tree.reference)
            try await send([tree.directory, tree.metadata])
            try await connection.send(.end)
            guard case .wanted = try await connection.expect() else {
                throw ShuntError(.failed, "the worker does not say what it wants")
            }
        }
    }

    /// A directory object and its metadata, made by hand.
    struct ForgedTree: Sendable {
        var directory: [UInt8]
        var metadata: [UInt8]

        var reference: TreeReference {
            TreeReference(
                content: ContentHasher.digest(of: directory),
                metadata: ContentHasher.digest(of: metadata))
        }

        /// One file of these bytes for each name.
        init(_ files: [(String, [UInt8])]) throws {
            directory = try TreeDirectory(
                entries: files.map { name, bytes in
                    TreeEntry(
                        name: Array(name.utf8),
                        node: .file(
                            ContentHasher.digest(of: bytes), size: Int64(bytes.count),
                            isExecutable: false))
                }
            ).encoded()
            let time = FileTime(seconds: 1, nanoseconds: 1)
            metadata =
                TreeMetadata(
                    modified: time, entries: files.map { _ in .modified(time) }
                ).encoded()
        }

        /// One directory below, of which the parent claims these totals.
        init(child: ForgedTree, claiming totals: TreeTotals) throws {
            directory = try TreeDirectory(entries: [
                TreeEntry(
                    name: Array("d".utf8), node: .directory(child.reference.content, totals))
            ]).encoded()
            metadata =
                TreeMetadata(
                    modified: FileTime(seconds: 1, nanoseconds: 1),
                    entries: [.directory(child.reference.metadata)]
                ).encoded()
        }
    }

    /// Runs the forger against a worker; expects a failure whose message contains `words`, and that
    /// nothing is visible afterwards.
    private func expectRefused(
        _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ forge: @escaping @Sendable (Forger) async throws -> Void
    ) async throws {
        let worker = Worker(try scratch.store("worker"))
        let (near, far) = try LinkKind.memory.streams()
        let result = try await worker.serving(near, far) { connection -> ShuntError? in
            do {
                try await forge(Forger(connection: connection))
                try await Self.end(connection)
                while true {
                    if case .complete = try await connection.expect() { return nil }
                }
            } catch let ended as TransferEnded {
                return ended.cause as? ShuntError
            } catch {
                return nil
            }
        }
        let error = try #require(result.value, sourceLocation: sourceLocation)
        #expect(
            error.message.contains(words), "\(error.message)", sourceLocation: sourceLocation)
        #expect(result.serverError is ShuntError, sourceLocation: sourceLocation)
        try worker.store.flush()
        #expect(visibleObjects(of: worker.store).isEmpty, sourceLocation: sourceLocation)
    }

    /// Ends whatever phase the transfer is in, so that a worker that has nothing to object to says
    /// so in place of waiting for more.
    private static func end(_ connection: BulkConnection) async throws {
        do {
            for _ in 0..<2 { try await connection.send(.end) }
        } catch is StreamError {
            // It has objected already.
        }
    }

    @Test func anObjectThatIsNotWhatItNamesIsRefused() async throws {
        let tree = try ForgedTree([("a", Array("content".utf8))])
        try await expectRefused("not the ones that it names") { forger in
            try await forger.offer(tree.reference)
            try await forger.send(
                [tree.metadata, tree.metadata],
                as: [tree.reference.content, tree.reference.metadata])
        }
        try await expectRefused("are not the ones it names") { forger in
            try await forger.structure(tree)
            try await forger.send(
                [Array("CONTENT".utf8)], as: [ContentHasher.digest(of: Array("content".utf8))])
            try await forger.connection.send(.end)
        }
    }

    @Test func anObjectThatNobodyAskedForIsRefused() async throws {
        let tree = try ForgedTree([("a", Array("content".utf8))])
        try await expectRefused("nobody asked for") { forger in
            try await forger.offer(tree.reference)
            try await forger.send([Array("surprise".utf8)])
        }
        try await expectRefused("nobody asked for") { forger in
            try await forger.structure(tree)
            try await forger.send([Array("surprise".utf8)])
        }
        // Twice is once too often.
        try await expectRefused("nobody asked for") { forger in
            try await forger.structure(tree)
            try await forger.send([Array("content".utf8), Array("content".utf8)])
        }
        // Under its digest, but not of the size that the tree says.
        try await expectRefused("nobody asked for") { forger in
            try await forger.structure(tree)
            try await forger.send(
                [Array("conten".utf8)], as: [ContentHasher.digest(of: Array("content".utf8))])
        }
    }

    @Test func aTreeThatIsNotCanonicalIsRefused() async throws {
        let tree = try ForgedTree([("a", []), ("b", [])])
        let bad: [(String, [UInt8])] = [
            ("", []), ("slash", Self.renaming("a", to: "/", in: tree.directory)),
            ("order", Self.renaming("b", to: "a", in: tree.directory)),
            ("dot", Self.renaming("a", to: ".", in: tree.directory)),
            ("trailing", tree.directory + [0]), ("cut", Array(tree.directory.dropLast())),
        ]
        for (_, directory) in bad {
            var forged = tree
            forged.directory = directory
            try await expectRefused("the tree is not valid") { [forged] forger in
                try await forger.offer(forged.reference)
                try await forger.send([forged.directory, forged.metadata])
            }
        }
    }

    private static func renaming(
        _ name: Character, to other: Character, in bytes: [UInt8]
    ) -> [UInt8] {
        guard let from = name.asciiValue, let to = other.asciiValue,
            let index = bytes.indices.dropFirst(13).first(where: {
                bytes[$0] == from && bytes[$0 - 1] == 1
            })
        else { return bytes }
        var renamed = bytes
        renamed[index] = to
        return renamed
    }

    @Test func aTreeThatLiesAboutWhatIsBelowIsRefused() async throws {
        let child = try ForgedTree([("a", Array("content".utf8))])
        let lie = try ForgedTree(
            child: child, claiming: TreeTotals(files: 1, directories: 0, bytes: 1))
        try await expectRefused("totals") { forger in
            try await forger.offer(lie.reference, guess: [child.reference])
            try await forger.send([lie.directory, lie.metadata, child.directory, child.metadata])
            try await forger.connection.send(.end)
        }
    }

    @Test func metadataOfAnotherDirectoryIsRefused() async throws {
        var tree = try ForgedTree([("a", Array("content".utf8))])
        tree.metadata = try ForgedTree([]).metadata
        try await expectRefused("metadata belongs to another directory") { [tree] forger in
            try await forger.structure(tree)
        }
    }

    @Test func directoriesThatWereNotAnnouncedOrDoNotComeAreRefused() async throws {
        let child = try ForgedTree([("a", Array("content".utf8))])
        let tree = try ForgedTree(
            child: child, claiming: TreeTotals(files: 1, directories: 0, bytes: 7))
        try await expectRefused("ended before all had come") { forger in
            try await forger.offer(tree.reference, guess: [child.reference])
            try await forger.send([tree.directory, tree.metadata])
            try await forger.connection.send(.end)
        }
        try await expectRefused("not in the store") { forger in
            try await forger.offer(tree.reference)
            try await forger.send([tree.directory, tree.metadata])
            try await forger.connection.send(.end)
        }
    }

    /// A tree that is announced but not part of what is offered must not be remembered as whole.
    @Test func whatIsNotPartOfTheTreeIsNotBelievedToBeThere() async throws {
        let offered = try ForgedTree([("a", Array("content".utf8))])
        let aside = try ForgedTree([("b", Array("never sent".utf8)), ("c", [])])
        let worker = Worker(try scratch.store("worker"))
        let (near, far) = try LinkKind.memory.streams()
        try await worker.serving(near, far) { connection in
            let forger = Forger(connection: connection)
            try await forger.offer(offered.reference, guess: [aside.reference])
            try await forger.send([
                offered.directory, offered.metadata, aside.directory, aside.metadata,
            ])
            try await connection.send(.end)
            #expect(
                try await connection.expect() == .wanted(MissingBitmap([true]), partials: []))
            try await forger.send([Array("content".utf8)])
            try await connection.send(.end)
            #expect(try await connection.expect() == .complete(unchanged: false))
        }
        #expect(try worker.inventory.isWhole(offered.reference))
        #expect(try !worker.inventory.isWhole(aside.reference))
        #expect(try !worker.store.contains(aside.reference.content))
    }

    @Test func partsOutOfOrderAreRefused() async throws {
        var random = SeededGenerator.forTest()
        let large = random.bytes(3_000_000)
        let tree = try ForgedTree([("large", large), ("small", [1])])
        let digest = ContentHasher.digest(of: large)
        @Sendable func part(_ offset: Int, _ size: Int) -> BulkMessage {
            .part(
                ObjectPart(
                    digest: digest, objectSize: 3_000_000, offset: Int64(offset), size: size,
                    body: EncodedBody(bytes: Array(large[offset..<offset + size]))))
        }
        for parts in [
            [part(1_000_000, 1_000_000)], [part(0, 1_000_000), part(0, 1_000_000)],
            [part(0, 1_000_000), part(2_000_000, 1_000_000)],
        ] {
            try await expectRefused("not in order") { forger in
                try await forger.structure(tree)
                for part in parts { try await forger.connection.send(part) }
            }
        }
        try await expectRefused("not in order") { forger in
            try await forger.structure(tree)
            try await forger.connection.send(part(0, 1_000_000))
            try await forger.send([[1]])
        }
        try await expectRefused("ended before all had come") { forger in
            try await forger.structure(tree)
            try await forger.connection.send(part(0, 1_000_000))
            try await forger.connection.send(.end)
        }
    }

    @Test func aBodyThatDoesNotDecompressToItsSizeIsRefused() async throws {
        let content = [UInt8](repeating: 7, count: 100_000)
        let tree = try ForgedTree([("a", content)])
        let digest = ContentHasher.digest(of: content)
        let bomb = BodyCodec.encode(
            [UInt8](repeating: 7, count: 900_000), compressing: true)
        #expect(bomb.compression == .zstd)
        for body in [bomb, EncodedBody(bytes: [1, 2, 3], compression: .zstd)] {
            try await expectRefused("compressed body") { forger in
                try await forger.structure(tree)
                try await forger.connection.send(
                    .objects(
                        ObjectBatch(
                            items: [ObjectBatch.Item(digest: digest, size: 100_000)],
                            body: body)))
                try await forger.connection.send(.end)
            }
        }
    }

    @Test func messagesThatHaveNoPlaceEndTheStream() async throws {
        let tree = try ForgedTree([("a", [1])])
        try await expectRefused("`bitmap` has no place") { forger in
            try await forger.connection.send(.bitmap(MissingBitmap([true])))
        }
        try await expectRefused("`push` has no place") { forger in
            try await forger.connection.send(.push)
            try await forger.connection.send(.push)
        }
        try await expectRefused("`query` has no place") { forger in
            try await forger.structure(tree)
            try await forger.connection.send(.queryTrees([]))
        }
    }

    /// A worker that does not keep to its answers cannot make a coordinator say that it has what it
    /// does not have.
    @Test func aWorkerThatSendsAnotherTreeIsRefused() async throws {
        let asked = try ForgedTree([("a", [1])])
        let other = try ForgedTree([("b", [2])])
        let here = TreeInventory(store: try scratch.store("here"))
        let (near, far) = MemoryStream.pair()
        let (client, agent) = try await connect(near, far)
        let pull = Task {
            try await BulkClient(client).pull(asked.reference, into: here, on: blocking)
        }
        #expect(try await agent.receive() == .pull(.tree(asked.reference), compressed: false))
        try await agent.send(.offer(other.reference, guess: []))
        let error = await #expect(throws: ShuntError.self) { try await pull.value }
        #expect(error?.message.contains("another tree") == true)
        guard case .failure = try await agent.receive() else {
            Issue.record("the worker was not told")
            return
        }
    }

    @Test func randomMessagesNeverTrapAReceiver() async throws {
        var random = SeededGenerator.forTest()
        let worker = Worker(try scratch.store("worker"))
        let tree = try ForgedTree([("a", [1]), ("b", [2])])
        for _ in 0..<150 {
            var script: [BulkMessage] = [.push]
            for _ in 0..<random.below(8) {
                let object = random.pick([tree.directory, tree.metadata, [1], [2], [3]])
                script.append(
                    random.pick([
                        .offer(tree.reference, guess: []), .queryTrees([tree.reference]), .end,
                        .push, .complete(unchanged: true), .bitmap(MissingBitmap([true, false])),
                        .objects(
                            ObjectBatch(
                                items: [
                                    .init(
                                        digest: ContentHasher.digest(of: object),
                                        size: object.count)
                                ],
                                body: EncodedBody(bytes: object))),
                        .pull(.tree(tree.reference), compressed: true),
                    ]))
            }
            let (near, far) = try LinkKind.memory.streams()
            try await worker.serving(near, far) { [script] connection in
                do {
                    for message in script { try await connection.send(message) }
                } catch is StreamError {
                    // The worker had enough.
                }
            }
            expectNoDamage(in: worker.store)
        }
    }
}
