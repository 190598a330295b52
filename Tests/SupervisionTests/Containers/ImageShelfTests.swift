@testable internal import AgentService
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

/// Images of podman's, with nothing but a file in them.
@Suite(.serialized, .enabled(if: RealPodman.isHere, "these take root and podman"))
struct ImageShelfTests {
    /// Makes an image for each name, each used an hour before the one in front of it.
    private static func withShelf(
        _ names: [String], _ body: (ImageShelf, EngineCommand, [String: ImageFacts]) throws -> Void
    ) throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let shelf = ImageShelf(directory: directory)
        try shelf.prepare()
        let engine = try EngineCommand.preferred(directory: shelf.work)
        let context = directory + "/context"
        try #require(mkdir(context, 0o700) == 0)
        try Files.write(Array("FROM scratch\nCOPY mark /\n".utf8), to: context + "/Containerfile")
        var made: [String: ImageFacts] = [:]
        defer {
            // By their IDs too: one may have lost its name to another.
            for image in names.map(Self.tag) + made.values.map(\.image.id.hex) {
                // One that is gone needs no removal.
                _ = try? engine.run(["rmi", image], within: .minutes(1))
            }
        }
        for (age, name) in names.enumerated() {
            let mark = "\(name) \(UInt64.random(in: 0...UInt64.max))"
            try Files.write(Array(mark.utf8), to: context + "/mark")
            let answer = try engine.run(
                ["build", "--quiet", "--tag", Self.tag(name), context], within: .minutes(1))
            try #require(answer.isSuccess, "\(answer.words)")
            let facts = try #require(try ImageFacts(Self.tag(name), in: engine))
            made[name] = facts
            try shelf.put(Self.origin(name), facts, by: engine)
            let time = timespec(tv_sec: 1_700_000_000 - age * 3600, tv_nsec: 0)
            let key = directory + "/kept/" + Self.origin(name).key(facts.image)
            try #require(utimensat(AT_FDCWD, key, [time, time], 0) == 0)
        }
        try body(shelf, engine, made)
    }

    private static let suffix = UInt32.random(in: 0...UInt32.max)
    private static func tag(_ name: String) -> String { "localhost/shunt-shelf-\(suffix)-\(name)" }
    private static func origin(_ name: String) -> ImageOrigin {
        .registry(name: tag(name), pinned: nil)
    }
    private static func names(_ list: [EnvironmentView]) -> [String] {
        list.compactMap { view in view.key.split(separator: "-").dropLast().last.map(String.init) }
    }

    @Test func whatWasNotUsedForLongestGoesAndWhatIsInUseStays() throws {
        try Self.withShelf(["a", "b", "c", "d"]) { shelf, engine, made in
            let inUse = Set([made["d"]].compactMap { $0?.image.id })
            let all = shelf.list(inUse: inUse)
            #expect(Self.names(all) == ["a", "b", "c", "d"])
            #expect(all.map(\.isInUse) == [false, false, false, true])
            let total = all.reduce(ByteCount.zero) { $0 + $1.size }
            let none = try shelf.collect(beyond: total, inUse: inUse)
            #expect(none.isEmpty)
            let gone = try shelf.collect(beyond: total - ByteCount(1), inUse: inUse)
            #expect(Self.names(gone) == ["c"])
            let (third, fourth) = try (
                ImageFacts(Self.tag("c"), in: engine), ImageFacts(Self.tag("d"), in: engine)
            )
            #expect(third == nil && fourth != nil)
            #expect(Self.names(shelf.list(inUse: [])) == ["a", "b", "d"])
        }
    }

    /// Its name was given to another image since: that one is somebody else's.
    @Test func aNameThatWasTakenOverStays() throws {
        try Self.withShelf(["a", "b"]) { shelf, engine, made in
            let other = try #require(made["b"]?.image)
            let moved = try engine.run(["tag", other.id.hex, Self.tag("a")], within: .minutes(1))
            try #require(moved.isSuccess)
            let key = try #require(made["a"].map { Self.origin("a").key($0.image) })
            _ = try shelf.remove(key, inUse: [])
            #expect(try ImageFacts(Self.tag("a"), in: engine)?.image == other)
        }
    }
}

enum RealPodman {
    static let isHere = geteuid() == 0 && ExecutableSearch.find("podman") != nil
}
