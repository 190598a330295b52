@testable internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

/// Objects whose bytes are no longer what their names say.
@Suite struct DamageTests {
    let scratch = Scratch()

    /// Changes the last byte of an object, as a hand or a disk would.
    private func damage(_ digest: Digest, in store: ObjectStore) throws {
        var bytes = try #require(read(store.objectPath(digest)))
        bytes[bytes.count - 1] ^= 1
        let path = store.objectPath(digest)
        precondition(path.withCString { chmod($0, 0o644) } == 0)
        write(bytes, to: path, mode: 0o444)
    }

    @Test(arguments: [1, 20_000, 300_000, 2_000_000])
    func aDamagedFileIsNotCheckedOutAndIsMissingFromThenOn(size: Int) throws {
        let store = try scratch.store()
        let bytes = [UInt8](repeating: 7, count: size)
        write(bytes, to: scratch["source/f"])
        let tree = try snapshot(scratch["source"], into: store)
        try store.flush()
        let digest = ContentHasher.digest(of: bytes)
        try damage(digest, in: store)

        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: scratch["task"])
        }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("was damaged and was moved aside") == true)
        #expect(try !store.contains(digest))
        #expect(read(scratch["store/damaged"].appending(digest.hex))?.count == size)
        #expect(try store.removalStamp() != nil)

        try store.insert(bytes)
        try store.flush()
        _ = try store.checkOut(tree, into: scratch["again"])
        #expect(read(scratch["again/f"]) == bytes)
    }

    @Test func aDamagedDirectoryIsMissingFromThenOn() throws {
        let store = try scratch.store()
        write("x", to: scratch["source/d/f"])
        let tree = try snapshot(scratch["source"], into: store)
        try store.flush()
        try damage(tree.content, in: store)
        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: scratch["task"])
        }
        #expect(error?.code == .notFound)
        #expect(try !store.contains(tree.content))
    }

    @Test func aDamagedOutputDoesNotReplaceAPersonsFile() throws {
        let store = try scratch.store()
        write("mine", to: scratch["home/f"])
        let base = try snapshot(scratch["home"], into: store)
        write("theirs", to: scratch["task/f"])
        let outputs = try snapshot(scratch["task"], into: store)
        try store.flush()
        try damage(ContentHasher.digest(of: Array("theirs".utf8)), in: store)
        #expect(throws: ShuntError.self) {
            try store.place(
                PlacementRequest(
                    outputs: outputs, base: base, target: scratch["home"], label: "7f3k2a"))
        }
        #expect(text(scratch["home/f"]) == "mine")
        #expect(names(scratch["home"]).count == 1)
    }

    @Test func withoutItsBaseAnOutputIsPutBesideAPersonsFile() throws {
        let store = try scratch.store()
        write("mine", to: scratch["home/f"])
        let base = try snapshot(scratch["home"], into: store)
        write("theirs", to: scratch["task/f"])
        write("new", to: scratch["task/g"])
        let outputs = try snapshot(scratch["task"], into: store)
        try store.flush()
        try damage(base.content, in: store)
        let report = try store.place(
            PlacementRequest(
                outputs: outputs, base: base, target: scratch["home"], label: "7f3k2a"))
        #expect(text(scratch["home/f"]) == "mine")
        #expect(text(scratch["home/g"]) == "new")
        #expect(report.conflicts.count == 1)
    }

    @Test func oneLookMovesAsideAllThatIsDamagedOfATree() throws {
        let store = try scratch.store()
        for name in ["a", "b", "d/c"] { write(name, to: scratch["source/" + name]) }
        let tree = try snapshot(scratch["source"], into: store)
        try store.flush()
        #expect(try store.setAsideDamage(in: tree) == 0)
        for name in ["a", "d/c"] {
            try damage(ContentHasher.digest(of: Array(name.utf8)), in: store)
        }
        try damage(tree.metadata, in: store)
        #expect(try store.setAsideDamage(in: tree) == 3)
        #expect(names(scratch["store/damaged"]).count == 3)
        #expect(try store.setAsideDamage(in: tree) == 3, "they are still missing")
    }

    /// A tree from a peer may claim any size for content that is here; the content stays.
    @Test func aTreeThatLiesAboutASizeHarmsNoObject() throws {
        let store = try scratch.store()
        let digest = try store.insert(Array("data".utf8))
        let time = FileTime(seconds: 1, nanoseconds: 0)
        let directory = try TreeDirectory(entries: [
            TreeEntry(
                name: Array("f".utf8), node: .file(digest, size: 5, isExecutable: false))
        ])
        let metadata = TreeMetadata(modified: time, entries: [.modified(time)])
        let tree = TreeReference(
            content: try store.insert(directory), metadata: try store.insert(metadata))
        try store.flush()
        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: scratch["task"])
        }
        #expect(error?.code == .refused)
        #expect(try store.contains(digest))
    }

    @Test func aLargeObjectIsKnownUntilItsStatusChanges() {
        let verified = VerifiedObjects()
        let digest = ContentHasher.digest(of: [1])
        var status = FileStat(
            device: 1, inode: 2, size: 3 << 20, modified: FileTime(seconds: 5, nanoseconds: 0),
            changed: FileTime(seconds: 9, nanoseconds: 0), mode: 0o100444)
        verified.insert(digest, status)
        #expect(verified.contains(digest, status))
        status.changed.nanoseconds = 1
        #expect(!verified.contains(digest, status))
        // One that changed a moment ago may change again within the same tick.
        status.changed.seconds = Int64(time(nil))
        verified.insert(digest, status)
        #expect(!verified.contains(digest, status))
    }
}
