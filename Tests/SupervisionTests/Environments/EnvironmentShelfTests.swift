@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// Environments as they lie on the disk, with nothing but a seal in them.
@Suite struct EnvironmentShelfTests {
    private static func withShelf(
        _ keys: [String], _ body: (EnvironmentShelf) throws -> Void
    ) throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        try #require(mkdir(directory + "/builds", 0o700) == 0)
        for (age, key) in keys.enumerated() {
            let build = "\(directory)/builds/\(key).abcdef"
            try #require(mkdir(build, 0o700) == 0)
            try Files.write([UInt8](repeating: 7, count: 1000), to: build + "/file")
            try EnvironmentSeal(root: build).close()
            try #require(symlink(build, directory + "/" + key) == 0)
            // Each was used an hour before the one in front of it.
            let time = timespec(tv_sec: 1_700_000_000 - age * 3600, tv_nsec: 0)
            let times = [time, time]
            try #require(
                utimensat(AT_FDCWD, directory + "/" + key, times, AT_SYMLINK_NOFOLLOW) == 0)
        }
        try body(EnvironmentShelf(directory: directory))
    }

    @Test func theLastUsedIsListedFirst() throws {
        try Self.withShelf(["py-a", "py-b", "py-c"]) { shelf in
            let list = shelf.list(inUse: ["b"])
            #expect(list.map(\.key) == ["py-a", "py-b", "py-c"])
            #expect(list.map(\.isInUse) == [false, true, false])
            #expect(list.allSatisfy { $0.size == ByteCount(1000) })
            shelf.touch("py-c")
            #expect(shelf.list(inUse: []).map(\.key) == ["py-c", "py-a", "py-b"])
        }
    }

    @Test func whatWasNotUsedForLongestGoesAndWhatIsInUseStays() throws {
        try Self.withShelf(["py-a", "py-b", "py-c", "py-d"]) { shelf in
            let none = try shelf.collect(beyond: ByteCount(4000), inUse: [])
            #expect(none.isEmpty)
            let gone = try shelf.collect(beyond: ByteCount(2500), inUse: ["d"])
            #expect(gone.map(\.key) == ["py-c", "py-b"])
            #expect(shelf.list(inUse: []).map(\.key) == ["py-a", "py-d"])
            let builds = try OwnedDescriptor.open(
                shelf.directory + "/builds", O_RDONLY | O_DIRECTORY
            ).names()
            #expect(builds.sorted() == ["py-a.abcdef", "py-d.abcdef"])
        }
    }

    @Test func oneThatIsInUseIsNotRemoved() throws {
        try Self.withShelf(["py-a"]) { shelf in
            let refused = #expect(throws: ShuntError.self) {
                try shelf.remove("py-a", inUse: ["a"])
            }
            #expect(refused?.code == .refused)
            let absent = #expect(throws: ShuntError.self) {
                try shelf.remove("../builds/py-a.abcdef", inUse: [])
            }
            #expect(absent?.code == .notFound)
            let removed = try shelf.remove("py-a", inUse: [])
            #expect(removed.key == "py-a")
            #expect(shelf.list(inUse: []).isEmpty)
        }
    }
}
