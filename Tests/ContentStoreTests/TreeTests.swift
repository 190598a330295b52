internal import ContentStore
internal import JobModel
internal import Testing

@Suite struct TreeTests {
    private let digest = ContentHasher.digest(of: Array("content".utf8))

    private func file(_ name: String, size: Int64 = 3) -> TreeEntry {
        TreeEntry(name: Array(name.utf8), node: .file(digest, size: size, isExecutable: false))
    }

    private func problem(_ bytes: [UInt8]) -> TreeError.Problem? {
        do {
            _ = try TreeDirectory(decoding: bytes, path: "some/dir")
            return nil
        } catch let error as TreeError {
            return error.problem
        } catch {
            return nil
        }
    }

    @Test func digestIsWhatSha256sumPrints() {
        #expect(
            ContentHasher.digest(of: Array("abc".utf8)).hex
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    /// The format is final: these bytes never change.
    @Test func encodingIsAsDocumented() throws {
        let directory = try TreeDirectory(entries: [
            TreeEntry(name: Array("run".utf8), node: .file(digest, size: 258, isExecutable: true)),
            TreeEntry(name: Array("l".utf8), node: .symlink(Array("to".utf8))),
            TreeEntry(
                name: Array("d".utf8),
                node: .directory(digest, TreeTotals(files: 1, directories: 2, bytes: 3))),
        ])
        var expected = Array("shuntdir".utf8) + [1, 0, 0, 0, 3]
        expected += [3, 1, UInt8(ascii: "d"), 1] + digest.bytes
        expected +=
            [0, 0, 0, 0, 0, 0, 0, 1] + [0, 0, 0, 0, 0, 0, 0, 2] + [0, 0, 0, 0, 0, 0, 0, 3]
        expected += [4, 1, UInt8(ascii: "l"), 0, 2] + Array("to".utf8)
        expected += [2, 3] + Array("run".utf8) + [1] + digest.bytes + [0, 0, 0, 0, 0, 0, 1, 2]
        #expect(directory.encoded() == expected)
        #expect(directory.totals == TreeTotals(files: 3, directories: 3, bytes: 261))
        #expect(try TreeDirectory(decoding: expected) == directory)
    }

    @Test func metadataEncodingIsAsDocumented() throws {
        let metadata = TreeMetadata(
            modified: FileTime(seconds: -1, nanoseconds: 2),
            entries: [
                .directory(digest), .modified(FileTime(seconds: 5, nanoseconds: 999_999_999)),
            ])
        var expected = Array("shuntmet".utf8) + [1]
        expected += [255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 2] + [0, 0, 0, 2]
        expected += [2, 1] + digest.bytes
        expected += [1, 0, 0, 0, 0, 0, 0, 0, 5, 0x3B, 0x9A, 0xC9, 0xFF]
        #expect(metadata.encoded() == expected)
        #expect(try TreeMetadata(decoding: expected) == metadata)
        var bad = expected
        bad[bad.count - 4] = 0xFF
        #expect(throws: TreeError.self) { try TreeMetadata(decoding: bad) }
        #expect(throws: TreeError.self) { try TreeMetadata(decoding: expected + [0]) }
        #expect(throws: TreeError.self) { try TreeMetadata(decoding: expected.dropLast()) }
    }

    @Test func entriesAreSortedByRawBytes() throws {
        let names: [[UInt8]] = [[0xFF], Array("b".utf8), Array("a/".utf8).dropLast() + [1], [0x61]]
        let entries = names.map { TreeEntry(name: $0, node: .symlink([1])) }
        let directory = try TreeDirectory(entries: entries)
        #expect(directory.entries.map(\.name) == [[0x61], [0x61, 1], [0x62], [0xFF]])
        for (index, entry) in directory.entries.enumerated() {
            #expect(directory.index(of: entry.name) == index)
        }
        #expect(directory[[0x63]] == nil)
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "/", "a\0b", String(repeating: "x", count: 256),
    ])
    func namesThatNoDirectoryHoldsAreRefused(name: String) {
        #expect(throws: TreeError.self) { try TreeDirectory(entries: [file(name)]) }
    }

    @Test func oneNameTwiceIsRefused() {
        #expect(throws: TreeError(path: "a", problem: .duplicateName)) {
            try TreeDirectory(entries: [file("a"), file("b"), file("a", size: 9)])
        }
    }

    @Test func sumsBeyondWhatCountsHoldAreRefused() {
        #expect(throws: TreeError(path: "b", problem: .totalsOverflow)) {
            try TreeDirectory(entries: [file("a", size: .max), file("b", size: 1)])
        }
    }

    @Test func hostileObjectsAreRefusedWithTheirPath() throws {
        let good = try TreeDirectory(entries: [file("aa"), file("bb")]).encoded()
        let entryLength = 1 + 1 + 2 + 33 + 8
        let first = 13
        #expect(problem(good) == nil)
        func changed(_ offset: Int, _ value: UInt8) -> [UInt8] {
            var bytes = good
            bytes[offset] = value
            return bytes
        }
        #expect(problem([]) == .notATree)
        #expect(problem(Array("shuntmet".utf8) + good.dropFirst(8)) == .notATree)
        #expect(problem(changed(8, 2)) == .newerVersion(2))
        #expect(problem(changed(8, 0)) == .notATree)
        #expect(problem(changed(9, 0xFF)) == .tooManyEntries)
        #expect(problem(changed(12, 1)) == .trailingBytes)
        #expect(problem(changed(12, 3)) == .truncated)
        #expect(problem(good + [0]) == .trailingBytes)
        #expect(problem(good.dropLast()) == .truncated)
        #expect(problem(changed(first, 0)) == .unknownKind(0))
        #expect(problem(changed(first, 5)) == .unknownKind(5))
        #expect(problem(changed(first + 2, 0)) == .badByteInName)
        #expect(problem(changed(first + 2, UInt8(ascii: "/"))) == .badByteInName)
        #expect(problem(changed(first + 2, UInt8(ascii: "z"))) == .wrongOrder)
        #expect(problem(changed(first + 4, 7)) == .unknownAlgorithm(7))
        #expect(problem(changed(first + 37, 0x80)) == .numberOutOfRange)
        var twice = good
        twice.replaceSubrange(
            (first + entryLength)..., with: good[first..<(first + entryLength)])
        #expect(problem(twice) == .duplicateName)
        var dots = good
        dots[first + 2] = UInt8(ascii: ".")
        dots[first + 3] = UInt8(ascii: ".")
        #expect(problem(dots) == .dotName)
        let error = #expect(throws: TreeError.self) {
            try TreeDirectory(decoding: dots, path: "some/dir")
        }
        #expect(error?.path == "some/dir/..")
        #expect(error?.asShuntError.message.contains("`some/dir/..`") == true)
    }

    @Test func linkTargetsHaveBounds() throws {
        for target in [[], [UInt8(0)], [UInt8](repeating: 65, count: 4096)] as [[UInt8]] {
            #expect(throws: TreeError.self) {
                try TreeDirectory(entries: [TreeEntry(name: [65], node: .symlink(target))])
            }
        }
    }

    @Test func whatDecodesEncodesToTheSameBytes() throws {
        var random = SeededGenerator(seed: testSeed("tree decoder"))
        var decoded = 0
        for _ in 0..<4000 {
            var bytes = try randomDirectory(&random).encoded()
            for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                let offset = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[offset] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(offset...)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: offset)
                }
            }
            do {
                let directory = try TreeDirectory(decoding: bytes)
                #expect(directory.encoded() == bytes)
                #expect(try TreeDirectory(entries: directory.entries.shuffled()) == directory)
                decoded += 1
            } catch is TreeError {
                continue
            }
        }
        #expect(decoded > 500)
    }

    @Test func whatDecodesAsMetadataEncodesToTheSameBytes() throws {
        var random = SeededGenerator(seed: testSeed("metadata decoder"))
        for _ in 0..<4000 {
            let entries = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? TreeMetadata.Entry.directory(digest)
                    : .modified(FileTime(seconds: Int64(bitPattern: random.next()), nanoseconds: 7))
            }
            var bytes = TreeMetadata(
                modified: FileTime(seconds: 1, nanoseconds: 2), entries: entries
            ).encoded()
            if Bool.random(using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    UInt8(truncatingIfNeeded: random.next())
            }
            do {
                #expect(try TreeMetadata(decoding: bytes).encoded() == bytes)
            } catch is TreeError {
                continue
            }
        }
    }

    private func randomDirectory(_ random: inout SeededGenerator) throws -> TreeDirectory {
        var names: Set<[UInt8]> = []
        for _ in 0..<Int.random(in: 0..<6, using: &random) { names.insert(random.name()) }
        return try TreeDirectory(
            entries: names.map { name in
                let node: TreeNode =
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: .file(digest, size: 5, isExecutable: Bool.random(using: &random))
                    case 1: .directory(digest, TreeTotals(files: 1, directories: 0, bytes: 9))
                    default: .symlink(random.name())
                    }
                return TreeEntry(name: name, node: node)
            })
    }
}
