import ContentStore
import Glibc
import JobModel
import TestSupport
import Testing

@testable import Transfer

/// Objects of either side whose bytes are no longer what their names say.
@Suite struct DamageTests {
    let scratch = Scratch()

    /// Changes one byte of an object, as a hand or a disk would.
    private func damage(_ digest: Digest, in store: ObjectStore) throws {
        let hex = digest.hex
        let path = "\(store.directory)/objects/\(hex.prefix(2))/\(hex.dropFirst(2))"
        #expect(chmod(path, 0o644) == 0)
        let file = open(path, O_RDWR)
        try #require(file >= 0)
        defer { close(file) }
        var byte: UInt8 = 0
        #expect(pread(file, &byte, 1, 0) == 1)
        byte ^= 1
        #expect(pwrite(file, &byte, 1, 0) == 1)
    }

    @Test(arguments: [1000, 3_000_000])
    func whatWasDamagedAtTheWorkerIsSentAgain(size: Int) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let bytes = random.bytes(size)
        let tree = try Model.directory(["f": .file(bytes), "g": .file([1])]).stored(in: sender)
        let push = { @Sendable in
            try await worker.over(.memory) {
                try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
            }
        }
        _ = try await push()
        // Another process of the worker's account, such as one that runs a job.
        let other = try scratch.store("worker")
        try damage(ContentHasher.digest(of: bytes), in: other)
        #expect(throws: ShuntError.self) {
            try other.checkOut(tree, into: RawPath("\(other.directory)-task"))
        }
        let report = try await push()
        #expect(!report.wasComplete)
        try expectDurable(tree, in: worker.store)
    }

    @Test(arguments: [1000, 3_000_000])
    func whatWasDamagedAtTheSenderIsNamedAndMovedAside(size: Int) async throws {
        var random = SeededGenerator.forTest()
        let sender = try scratch.store("sender")
        let worker = Worker(try scratch.store("worker"))
        let bytes = random.bytes(size)
        let digest = ContentHasher.digest(of: bytes)
        let tree = try Model.directory(["f": .file(bytes)]).stored(in: sender)
        try sender.flush()
        try damage(digest, in: sender)
        let error = await #expect(throws: ShuntError.self) {
            try await worker.over(.memory) {
                try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
            }
        }
        #expect(error?.message.contains("was damaged") == true)
        #expect(try !worker.store.contains(digest))
        #expect(try !sender.contains(digest))
        try sender.insert(bytes)
        try await worker.over(.memory) {
            try await $0.push(tree, from: ObjectSource(store: sender), on: blocking)
        }
        try expectDurable(tree, in: worker.store)
    }
}
