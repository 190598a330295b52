import Glibc
import JobModel
import Testing

@testable import ContentStore

/// Trees of awkward shapes. `SHUNT_SCAN_FILES` sets the number of files, 20,000 unless set.
@Suite struct SnapshotScaleTests {
    private let bench = ScanBench()

    private var fileCount: Int {
        getenv("SHUNT_SCAN_FILES").flatMap { Int(String(cString: $0)) } ?? 20_000
    }

    @Test func manyFilesInOneDirectoryAndInManyComeThrough() throws {
        let count = fileCount
        let script = """
            import os, sys
            root, count = sys.argv[1], int(sys.argv[2])
            os.mkdir(root + "/flat")
            for i in range(count // 2):
                open(f"{root}/flat/{i}", "w").write(str(i))
            for i in range(count - count // 2):
                d = f"{root}/d{i % 199}/{i % 7}"
                os.makedirs(d, exist_ok=True)
                open(f"{d}/{i}", "w").write(str(i % 1000))
            """
        run(["python3", "-c", script, bench.work.string, "\(count)"])
        let store = try bench.store()
        let progress = SnapshotProgress()
        let first = try bench.take(store) { $0.progress = progress }
        #expect(first.totals.files == Int64(count))
        #expect(progress.filesSeen >= Int64(count))
        #expect(first.cost.filesRead == Int64(count))
        let settled = try bench.settle(store)
        #expect(settled.tree == first.tree)
        #expect(settled.tree == (try bench.dryRun { $0.width = 3 }).tree)
    }

    @Test func aDeepTreeComesThrough() throws {
        try makeDeep(levels: 2000, siblings: 0)
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(result.totals.directories == 2000)
        #expect(result.totals.files == 1)
        #expect(try bench.settle(store).tree == result.tree)
    }

    /// Each level has siblings that wait, so that every level would have to stay open.
    @Test func aTreeDeepAndBroadNeedsNoMoreDescriptorsThanAllowed() throws {
        try makeDeep(levels: 120, siblings: 2)
        let store = try bench.store()
        let usual = try bench.take(store)
        let starved = try bench.dryRun { $0.openDirectories = 4 }
        #expect(usual.totals.directories == 120 * 3)
        #expect(starved.tree == usual.tree)
    }

    @Test func aPathThatNoWorkerCouldTakeIsRefused() throws {
        try makeDeep(levels: 6000, siblings: 0)
        let error = #expect(throws: ShuntError.self) { try bench.dryRun() }
        #expect(error?.code == .refused)
    }

    private func makeDeep(levels: Int, siblings: Int) throws {
        var directory = try Descriptor.open(bench.root, O_RDONLY | O_DIRECTORY)
        for level in 0..<levels {
            for sibling in 0..<siblings {
                try directory.makeDirectory(
                    Array("s\(sibling)".utf8), mode: 0o755, shownAs: bench.root)
            }
            let name = Array("zz".utf8)
            try directory.makeDirectory(name, mode: 0o755, shownAs: bench.root)
            directory = try directory.open(name, O_RDONLY | O_DIRECTORY, shownAs: bench.root)
            if level == levels - 1 {
                _ = try directory.open(
                    Array("file".utf8), O_WRONLY | O_CREAT, mode: 0o644, shownAs: bench.root)
            }
        }
    }
}
