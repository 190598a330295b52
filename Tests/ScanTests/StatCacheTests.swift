import Glibc
import JobModel
import Testing

@testable import ContentStore

@Suite struct StatCacheTests {
    private let bench = ScanBench()

    private func fill(_ count: Int) {
        for index in 0..<count { bench.work.write("d\(index % 7)/f\(index)", "content \(index)") }
    }

    @Test func anUnchangedScanReadsNothingAndWritesNothing() throws {
        fill(100)
        bench.work.link("link", to: "d1")
        let store = try bench.store()
        let settled = try bench.settle(store)
        let path = bench.cache.file(ofRoot: bench.root)
        let before = try Descriptor.open(path, O_RDONLY).status(shownAs: path)
        let again = try bench.take(store)
        #expect(again.cost.filesRead == 0)
        #expect(again.tree == settled.tree)
        #expect(again.totals == settled.totals)
        #expect(try Descriptor.open(path, O_RDONLY).status(shownAs: path) == before)
    }

    @Test func onlyWhatChangedIsRead() throws {
        fill(100)
        let store = try bench.store()
        _ = try bench.settle(store)
        bench.work.write("d3/f3", "other text")
        let result = try bench.take(store)
        #expect(result.cost.filesRead == 1)
        #expect(result.tree == (try bench.dryRun()).tree)
    }

    /// The clock that stamps files ticks every few milliseconds: within one tick a second write
    /// of the same length leaves size and times as they were. Kernels from 6.13 on stamp more
    /// finely where somebody looks, so the coincidence is written into the cache by hand.
    @Test func aChangeWithinTheSameTickIsSeen() throws {
        let store = try bench.store()
        let deadline = time(nil) + 30
        // On a busy machine more than a tick may pass before the file is read.
        repeat {
            try #require(time(nil) < deadline)
            bench.work.write("file", "version 1")
            _ = try bench.take(store)
        } while try #require(bench.cache.load(root: bench.root)).entries[0].flags
            .contains(.isSettled)
        bench.work.write("file", "version 2")
        try makeCacheBelieve(try status(of: "file"))
        let result = try bench.take(store)
        #expect(
            try bench.contents(result.tree, in: store)["file"]
                == .file(Array("version 2".utf8), isExecutable: false))
    }

    /// The other side of the test before: a status that was old when the file was read is relied
    /// upon, and only that keeps a scan from reading all files.
    @Test func aSettledStatusIsReliedUpon() throws {
        let store = try bench.store()
        bench.work.write("file", "version 1")
        let first = try bench.settle(store)
        bench.work.write("file", "version 2")
        try makeCacheBelieve(try status(of: "file"))
        #expect(try bench.take(store).tree.content == first.tree.content)
    }

    /// No program can set the time of the change itself.
    @Test func aChangeThatPutsTheModificationTimeBackIsSeen() throws {
        let store = try bench.store()
        let path = bench.work.string + "/file"
        bench.work.write("file", "version 1")
        run(["touch", "-d", "2001-02-03", path])
        _ = try bench.settle(store)
        bench.work.write("file", "version 2")
        run(["touch", "-d", "2001-02-03", path])
        #expect(try bench.take(store).tree == (try bench.dryRun()).tree)
    }

    /// Puts a status into the cache's only entry, beside the digest that it has.
    private func makeCacheBelieve(_ status: FileStat) throws {
        let path = bench.cache.file(ofRoot: bench.root).description
        var bytes = readFile(path)
        let offset = StatCacheImage.Layout(directories: 1, entries: 1, text: 4).entriesOffset
        bytes.withUnsafeMutableBytes { bytes in
            var record = bytes.loadUnaligned(fromByteOffset: offset, as: EntryRecord.self)
            record.setStatus(status)
            bytes.storeBytes(of: record, toByteOffset: offset, as: EntryRecord.self)
            let checked = UnsafeRawBufferPointer(
                rebasing: UnsafeRawBufferPointer(bytes)[StatCacheImage.checkedFrom...])
            bytes.storeBytes(
                of: ContentHasher.digest(of: checked), toByteOffset: 8, as: Digest.self)
        }
        writeFile(path, bytes)
    }

    @Test func aStatusAsOldAsTheReadingIsNotReliedUpon() {
        let status = FileStat(
            device: 1, inode: 1, size: 1, modified: FileTime(seconds: 90, nanoseconds: 5),
            changed: FileTime(seconds: 100, nanoseconds: 500_000_000), mode: 0o100644)
        func isSettled(_ grain: TimestampGrain, at seconds: Int64, _ nanoseconds: UInt32) -> Bool {
            grain.isSettled(status, readAt: FileTime(seconds: seconds, nanoseconds: nanoseconds))
        }
        #expect(!isSettled(.kernelTick, at: 100, 500_000_000))
        #expect(!isSettled(.kernelTick, at: 100, 520_000_000))
        #expect(isSettled(.kernelTick, at: 100, 520_000_001))
        #expect(!isSettled(.kernelTick, at: 99, 0))
        #expect(!isSettled(.coarse, at: 102, 500_000_000))
        #expect(isSettled(.coarse, at: 102, 500_000_001))
        var whole = status
        whole.changed.nanoseconds = 0
        #expect(
            !TimestampGrain.kernelTick.isSettled(
                whole, readAt: FileTime(seconds: 101, nanoseconds: 0)))
        var future = status
        future.modified = FileTime(seconds: 5000, nanoseconds: 1)
        #expect(
            TimestampGrain.kernelTick.isSettled(
                future, readAt: FileTime(seconds: 200, nanoseconds: 0)))
        future.modified = FileTime(seconds: 200, nanoseconds: 1)
        #expect(
            !TimestampGrain.kernelTick.isSettled(
                future, readAt: FileTime(seconds: 200, nanoseconds: 0)))
    }

    @Test func aWipedStoreIsFilledAgain() throws {
        fill(20)
        _ = try bench.settle(try bench.store())
        bench.home.remove("store")
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(try bench.contents(result.tree, in: store).count == 27)
    }

    @Test func aCollectedObjectIsStoredAgain() throws {
        fill(20)
        let first = try bench.settle(try bench.store())
        bench.home.write("store/generation", "1")
        run(["rm", bench.home.string + "/store/objects/" + objectName("content 5")])
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(result.tree == first.tree)
        #expect(result.cost.filesRead == 1)
        #expect(try bench.contents(result.tree, in: store).count == 27)
    }

    @Test func aStoreEmptiedByHandIsFilledAgain() throws {
        fill(20)
        _ = try bench.settle(try bench.store())
        run(["find", bench.home.string + "/store/objects", "-type", "f", "-delete"])
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(try bench.contents(result.tree, in: store).count == 27)
    }

    @Test func oneCacheServesTwoStores() throws {
        fill(20)
        _ = try bench.settle(try bench.store())
        let other = try ObjectStore(at: RawPath(bench.home.absolute("other")))
        let result = try bench.take(other)
        #expect(try bench.contents(result.tree, in: other).count == 27)
    }

    @Test func aDamagedCacheIsMovedAsideAndMadeAnew() throws {
        fill(50)
        let store = try bench.store()
        let settled = try bench.settle(store)
        let path = bench.cache.file(ofRoot: bench.root).description
        let good = readFile(path)
        var random = SeededGenerator()
        for _ in 0..<60 {
            var bad = good
            if Bool.random(using: &random) {
                bad[Int.random(in: 0..<bad.count, using: &random)] ^= UInt8(
                    1 << Int.random(in: 0..<8, using: &random))
            } else {
                bad.removeLast(Int.random(in: 1...bad.count, using: &random))
            }
            writeFile(path, bad)
            unlink(path + ".damaged")
            let result = try bench.take(store)
            #expect(result.tree == settled.tree, "seed \(random.seed)")
            #expect(!result.cost.hadCache, "seed \(random.seed)")
            #expect(readFile(path + ".damaged") == bad, "seed \(random.seed)")
        }
    }

    /// A digest guards against damage, not against a bug of ours: bounds are checked too.
    @Test func boundsAreCheckedBehindTheDigest() throws {
        fill(30)
        let store = try bench.store()
        _ = try bench.settle(store)
        let good = readFile(bench.cache.file(ofRoot: bench.root).description)
        var random = SeededGenerator()
        for _ in 0..<400 {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: good.count, alignment: 8)
            copy.copyBytes(from: good)
            for _ in 0..<3 {
                let offset = Int.random(in: 72..<(good.count / 8 * 8 - 8), using: &random)
                copy.storeBytes(
                    of: UInt32.random(in: 0...UInt32.max, using: &random), toByteOffset: offset,
                    as: UInt32.self)
            }
            let checked = UnsafeRawBufferPointer(rebasing: copy[StatCacheImage.checkedFrom...])
            copy.storeBytes(
                of: ContentHasher.digest(of: checked), toByteOffset: 8, as: Digest.self)
            guard let image = StatCacheImage(adopting: copy) else { continue }
            for directory in image.directories.indices {
                for entry in image.range(of: directory) {
                    _ = image.name(of: entry).count
                    if image.entries[entry].kind == .symlink { _ = image.target(of: entry).count }
                }
            }
        }
    }

    @Test func anUnwritableCacheIsNoFailure() throws {
        fill(3)
        bench.home.write("statcache", "a file where the directory should be")
        let result = try bench.take(try bench.store())
        #expect(result.totals.files == 3)
        #expect(result.cacheProblem != nil)
    }

    /// Whatever happens to a directory, a scan with the cache says what a scan without it says.
    @Test func aCachedScanEqualsAFreshOne() throws {
        var random = SeededGenerator()
        let store = try bench.store()
        fill(40)
        for round in 0..<120 {
            for _ in 0..<Int.random(in: 0...4, using: &random) { try edit(using: &random) }
            let cached = try bench.take(store)
            let fresh = try bench.dryRun()
            #expect(cached.tree == fresh.tree, "seed \(random.seed), round \(round)")
            #expect(cached.totals == fresh.totals, "seed \(random.seed), round \(round)")
            let found = try bench.contents(cached.tree, in: store)
            #expect(found.count == cached.totals.files + cached.totals.directories)
        }
    }

    private func edit(using random: inout SeededGenerator) throws {
        let name = "d\(Int.random(in: 0..<7, using: &random))"
        let file = name + "/f\(Int.random(in: 0..<12, using: &random))"
        let path = bench.work.string + "/" + file
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1:
            bench.work.remove(file)
            bench.work.write(file, "text \(Int.random(in: 10..<99, using: &random))")
        case 2: bench.work.remove(file)
        case 3: run(["sh", "-c", "chmod +x \(path) 2>/dev/null || :"])
        case 4: bench.work.remove(name)
        case 5: bench.work.makeDirectory(name + "/sub\(Int.random(in: 0..<3, using: &random))")
        case 6:
            bench.work.remove(file)
            bench.work.makeDirectory(name)
            bench.work.link(file, to: "t\(Int.random(in: 0..<3, using: &random))")
        case 7:
            run(["sh", "-c", "touch -ch -d @\(Int.random(in: 0..<99, using: &random)) \(path)"])
        default: run(["sh", "-c", "mv \(path) \(bench.work.string)/moved 2>/dev/null || :"])
        }
    }

    private func status(of name: String) throws -> FileStat {
        let path = RawPath(bench.work.absolute(name))
        return try Descriptor.open(path, O_RDONLY).status(shownAs: path)
    }

    private func objectName(_ text: String) -> String {
        let hex = ContentHasher.digest(of: Array(text.utf8)).hex
        return hex.prefix(2) + "/" + hex.dropFirst(2)
    }
}
