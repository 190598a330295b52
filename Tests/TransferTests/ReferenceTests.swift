import ContentStore
import JobModel
import TestSupport
import Testing

@testable import Transfer

/// Files that were too large to be copied at submit.
@Suite struct ReferenceTests {
    let scratch = Scratch()

    /// A tree with one file that only its reference knows where to find.
    private func referenced(
        _ bytes: [UInt8], in sender: ObjectStore
    ) throws -> (tree: TreeReference, file: FileReference) {
        let path = scratch.write(bytes, to: "data.bin")
        let digest = ContentHasher.digest(of: bytes)
        let size = Int64(bytes.count)
        let small = try sender.insert(Array("small".utf8))
        let directory = try TreeDirectory(entries: [
            TreeEntry(
                name: Array("data.bin".utf8),
                node: .file(digest, size: size, isExecutable: false)),
            TreeEntry(
                name: Array("small".utf8), node: .file(small, size: 5, isExecutable: false)),
        ])
        let time = TreeMetadata.Entry.modified(FileTime(seconds: 1, nanoseconds: 0))
        let metadata = TreeMetadata(
            modified: FileTime(seconds: 1, nanoseconds: 0), entries: [time, time])
        let tree = TreeReference(
            content: try sender.insert(directory), metadata: try sender.insert(metadata))
        return (
            tree, FileReference(digest: digest, size: ByteCount(size), path: path.bytes)
        )
    }

    @Test(arguments: [1000, 300_000, 5_000_000])
    func aReferencedFileIsSentFromWhereItIs(size: Int) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let (tree, file) = try referenced(random.bytes(size), in: sender)
        try await worker.over(.memory) {
            try await $0.push(
                tree, from: ObjectSource(store: sender, references: [file]), on: blocking)
        }
        try expectDurable(tree, in: worker.store)
    }

    enum Change: CaseIterable {
        case oneByte, shorter, longer, gone
    }

    @Test(arguments: Change.allCases, [1000, 5_000_000])
    func aReferencedFileThatChangedIsNamedAndNeverArrives(
        change: Change, size: Int
    ) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        var bytes = random.bytes(size)
        let (tree, file) = try referenced(bytes, in: sender)
        switch change {
        case .oneByte: bytes[random.below(size)] ^= 1
        case .shorter: bytes.removeLast()
        case .longer: bytes.append(0)
        case .gone: break
        }
        if change == .gone {
            scratch.remove("data.bin")
        } else {
            _ = scratch.write(bytes, to: "data.bin")
        }
        let error = await #expect(throws: ShuntError.self) {
            try await worker.over(.memory) {
                try await $0.push(
                    tree, from: ObjectSource(store: sender, references: [file]), on: blocking)
            }
        }
        #expect(error?.message.contains("data.bin") == true)
        #expect(error?.hint != nil)
        #expect(try !scratch.store("worker").contains(file.digest))
        #expect(try !worker.inventory.isWhole(tree))
        expectNoDamage(in: worker.store)
    }

    @Test func theStoresOwnCopyIsPreferred() async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let bytes = random.bytes(5000)
        let (tree, file) = try referenced(bytes, in: sender)
        try sender.insert(bytes)
        scratch.remove("data.bin")
        try await worker.over(.memory) {
            try await $0.push(
                tree, from: ObjectSource(store: sender, references: [file]), on: blocking)
        }
        try expectDurable(tree, in: worker.store)
    }
}
