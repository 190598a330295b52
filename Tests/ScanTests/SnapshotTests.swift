import Glibc
import JobModel
import Testing

@testable import ContentStore

@Suite struct SnapshotTests {
    private let bench = ScanBench()

    @Test func theTreeHoldsWhatTheDirectoryHolds() throws {
        let work = bench.work
        let oddNames: [[UInt8]] = [
            Array("with space".utf8), Array("new\nline".utf8), Array("quote'\"".utf8),
            Array("-dash".utf8), [0xFF, 0xFE, 0x80], Array("ünï".utf8), Array("\\".utf8),
            [UInt8](repeating: UInt8(ascii: "n"), count: 255),
        ]
        for (index, name) in oddNames.enumerated() {
            work.write(name, [UInt8](repeating: 7, count: index))
        }
        work.write("empty", "")
        work.write(Array("bin/run".utf8), Array("#!/bin/sh\n".utf8), mode: 0o755)
        work.makeDirectory("nothing/in/here")
        work.link("link", to: "bin/run")
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        work.write("large", large)

        let store = try bench.store()
        let result = try bench.take(store)
        var expected: [RawPath: ScanBench.Content] = [
            "empty": .file([], isExecutable: false),
            "bin": .directory,
            "bin/run": .file(Array("#!/bin/sh\n".utf8), isExecutable: true),
            "nothing": .directory, "nothing/in": .directory, "nothing/in/here": .directory,
            "link": .link(Array("bin/run".utf8)),
            "large": .file(large, isExecutable: false),
        ]
        for (index, name) in oddNames.enumerated() {
            expected[RawPath(name)] = .file(
                [UInt8](repeating: 7, count: index), isExecutable: false)
        }
        let found = try bench.contents(result.tree, in: store)
        #expect(found == expected)
        #expect(result.totals.files == Int64(oddNames.count + 4))
        #expect(result.totals.directories == 4)
        #expect(result.totals.bytes == Int64(10 + 3_000_000 + 28))
    }

    @Test func whatWasFlushedIsThereForOthers() throws {
        bench.work.write("a/b", "content")
        let result = try bench.take(try bench.store())
        let other = try bench.store()
        #expect(try bench.paths(result, in: other) == ["a", "a/b"])
    }

    @Test func filesAreNamedAsSHA256SumPrintsThem() throws {
        bench.work.write("data", "abc")
        let store = try bench.store()
        let tree = try store.directory(bench.take(store).tree.content)
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(
            tree.entries == [
                TreeEntry(
                    name: Array("data".utf8),
                    node: .file(Digest(hex: digest)!, size: 3, isExecutable: false))
            ])
    }

    @Test func modificationTimesAreInTheMetadata() throws {
        bench.work.write("old", "x")
        bench.work.withPath(Array("old".utf8)) { path in
            let times = [timespec(tv_sec: 1000, tv_nsec: 1), timespec(tv_sec: -5, tv_nsec: 7)]
            utimensat(AT_FDCWD, path, times, 0)
        }
        let store = try bench.store()
        let tree = try bench.take(store).tree
        let directory = try store.directory(tree.content)
        let metadata = try store.metadata(tree.metadata, of: directory)
        #expect(metadata.entries == [.modified(FileTime(seconds: -5, nanoseconds: 7))])
    }

    @Test func theTreeDoesNotDependOnThreads() throws {
        for index in 0..<300 {
            bench.work.write("d\(index % 17)/e\(index % 5)/f\(index)", "\(index)")
        }
        let store = try bench.store()
        let one = try bench.take(store, width: 1)
        let fresh = try ScanBench().otherScan(of: bench.root, width: 8)
        #expect(one.tree == fresh.tree)
        #expect(one.totals == fresh.totals)
    }

    @Test func aMissingRootIsNotFound() throws {
        #expect(throws: ShuntError.self) {
            try Snapshot.take(root: "/nonexistent/dir", store: nil, cache: nil)
        }
        do {
            _ = try Snapshot.take(root: "/nonexistent/dir", store: nil, cache: nil)
        } catch let error as ShuntError {
            #expect(error.code == .notFound)
            #expect(error.message.contains("`/nonexistent/dir`"))
        }
    }

    @Test func aFileIsNoRoot() throws {
        bench.work.write("file", "x")
        let error = #expect(throws: ShuntError.self) {
            try Snapshot.take(
                root: RawPath(bench.work.absolute("file")), store: nil, cache: nil)
        }
        #expect(error?.code == .usage)
    }

    @Test func anUnreadableFileIsNamed() throws {
        bench.work.write("secret/plain", "x")
        run(["chmod", "755", bench.work.string])
        run(["chmod", "000", bench.work.string + "/secret/plain"])
        let error = asNobody { #expect(throws: ShuntError.self) { try bench.dryRun() } }
        #expect(error?.message.contains("secret/plain") == true)
        #expect(error?.hint?.contains("chmod") == true)
    }

    @Test func anUnreadableDirectoryIsNamed() throws {
        bench.work.write("closed/plain", "x")
        run(["chmod", "755", bench.work.string])
        run(["chmod", "000", bench.work.string + "/closed"])
        let error = asNobody { #expect(throws: ShuntError.self) { try bench.dryRun() } }
        #expect(error?.message.contains("closed`") == true)
    }

    @Test func aFileThatKeepsChangingIsNamed() throws {
        bench.work.write("log", "")
        _ = bench.work.withPath(Array("log".utf8)) { truncate($0, 256 << 20) }
        let writer = AppendingThread(bench.work.absolute("log"))
        defer { writer.stop() }
        let error = #expect(throws: ShuntError.self) { try bench.dryRun() }
        #expect(error?.message.contains("log` changed") == true)
    }

    @Test func aDryRunWritesNothingAndSaysTheSame() throws {
        bench.work.write("a/b", "content")
        bench.work.write("c", "")
        var options = SnapshotOptions()
        options.width = 2
        let dry = try Snapshot.take(
            root: bench.root, store: nil, cache: bench.cache, options: options)
        #expect(run(["find", bench.home.string, "-mindepth", "1"]).output.isEmpty)
        let real = try bench.take(try bench.store())
        #expect(dry.tree == real.tree)
        #expect(dry.totals == real.totals)
    }

    @Test func specialFilesAreLeftOutAndListed() throws {
        bench.work.write("data", "x")
        bench.work.makeDirectory("sub")
        _ = bench.work.withPath(Array("sub/pipe".utf8)) { mkfifo($0, 0o600) }
        run([
            "python3", "-c", "import socket,sys; socket.socket(1).bind(sys.argv[1])",
            bench.work.string + "/door",
        ])
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(
            result.specialFiles == [
                SpecialFile(path: "door", kind: .socket),
                SpecialFile(path: "sub/pipe", kind: .fifo),
            ])
        #expect(try bench.paths(result, in: store) == ["data", "sub"])
    }

    @Test func linksThatLeaveTheTreeAreSentAndListed() throws {
        bench.work.makeDirectory("a/b")
        bench.work.link("data", to: "/mnt/nfs")
        bench.work.link("a/b/up", to: "../../../elsewhere")
        bench.work.link("a/b/inside", to: "../../data")
        bench.work.link("a/roundabout", to: "b/../../../x")
        bench.work.link("dangling", to: "nowhere")
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(result.escapingLinks.map(\.path) == ["a/b/up", "a/roundabout", "data"])
        #expect(result.escapingLinks.last?.target == "/mnt/nfs")
        #expect(try bench.contents(result.tree, in: store)["data"] == .link(Array("/mnt/nfs".utf8)))
    }

    @Test func aLargeFileIsReferencedWhereItCannotBeShared() throws {
        let bytes = [UInt8](repeating: 9, count: 5000)
        bench.work.write("big/weights", bytes)
        bench.work.write("small", "x")
        let store = try bench.store()
        let digest = ContentHasher.digest(of: bytes)
        for _ in 0..<2 {
            let result = try bench.take(store) { $0.copyLimit = ByteCount(4000) }
            // Where the file system shares blocks, the content is in the store instead.
            if try store.contains(digest) {
                #expect(result.largeFiles.isEmpty)
                return
            }
            let reference = try #require(result.largeFiles.first)
            #expect(result.largeFiles.count == 1)
            #expect(reference.digest == digest)
            #expect(reference.treePath == "big/weights")
            #expect(reference.path == RawPath(bench.work.absolute("big/weights")))
            #expect(reference.status.size == 5000)
        }
    }
}

extension ScanBench {
    /// A scan of another directory into this one's store.
    func otherScan(of root: RawPath, width: Int) throws -> SnapshotResult {
        var options = SnapshotOptions()
        options.width = width
        return try Snapshot.take(root: root, store: try store(), cache: cache, options: options)
    }
}

/// Runs `body` without root's right to read everything. The file system's user is a property of
/// the thread, and threads that it starts have it too.
func asNobody<Result>(_ body: () -> Result) -> Result {
    // Glibc's module lacks it.
    let symbol = dlsym(nil, "setfsuid")
    let setfsuid = unsafeBitCast(symbol, to: (@convention(c) (uid_t) -> Int32).self)
    _ = setfsuid(65534)
    defer { _ = setfsuid(geteuid()) }
    return body()
}

/// Appends to a file until told to stop.
final class AppendingThread: Sendable {
    private let thread: pthread_t
    private let file: Int32

    init(_ path: [UInt8]) {
        file = RawPath(path).withCString { open($0, O_WRONLY | O_APPEND) }
        guard file >= 0 else { fatal("open") }
        var thread = pthread_t()
        let argument = UnsafeMutableRawPointer(bitPattern: Int(file) + 1)
        pthread_create(
            &thread, nil,
            { argument in
                let file = Int32(Int(bitPattern: argument) - 1)
                var byte: UInt8 = 1
                // Ends when the descriptor is closed or made read-only by its owner.
                while write(file, &byte, 1) == 1 {}
                return nil
            }, argument)
        self.thread = thread
    }

    func stop() {
        let null = open("/dev/null", O_RDONLY)
        dup2(null, file)
        pthread_join(thread, nil)
        close(null)
        close(file)
    }
}
