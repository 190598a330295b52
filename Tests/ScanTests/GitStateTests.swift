import JobModel
import Testing

@testable import ContentStore

@Suite struct GitStateTests {
    private let directory = TemporaryDirectory()

    private func git(_ arguments: String...) {
        let identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"]
        run(["git", "-C", directory.string] + identity + arguments)
    }

    private func state(_ path: String = "") -> GitState? {
        GitProbe.start(in: RawPath(directory.absolute(path)))?.finish { _ in false }
    }

    private func commit() -> String {
        git("init", "-q")
        directory.write("sub/tracked", "x")
        directory.write("other", "x")
        git("add", ".")
        git("commit", "-qm", "first")
        let head = run(["git", "-C", directory.string, "rev-parse", "HEAD"]).output
        return String(decoding: head.dropLast(), as: UTF8.self)
    }

    @Test func aCleanCheckoutIsNamed() {
        let head = commit()
        directory.write("untracked", "x")
        #expect(state() == GitState(commit: head, branch: "main", dirty: false))
    }

    /// What is sent and in no commit is what a person could not find again.
    @Test func anUntrackedFileIsDirtIfItIsInTheSnapshot() throws {
        _ = commit()
        func isDirty() throws -> Bool? {
            try Snapshot.take(root: RawPath(directory.string), store: nil, cache: nil).git?.dirty
        }
        #expect(try isDirty() == false)
        directory.write("__pycache__/x.pyc", "left out by the built-in excludes")
        directory.write(".env", "left out for its name")
        directory.write("src/__pycache__/y.pyc", "in a directory with nothing else")
        #expect(try isDirty() == false)
        directory.write(".gitignore", "*.log\n")
        git("add", ".gitignore")
        git("commit", "-qm", "second")
        directory.write("run.log", "ignored by git, and sent")
        #expect(try isDirty() == false)
        directory.write("src/train\n.py", "new")
        #expect(try isDirty() == true)
    }

    @Test func aChangedTrackedFileIsDirt() {
        let head = commit()
        directory.write("sub/tracked", "other")
        #expect(state() == GitState(commit: head, branch: "main", dirty: true))
        #expect(state("sub")?.dirty == true)
    }

    @Test func onlyTheSnapshotsOwnFilesCount() {
        let head = commit()
        directory.write("other", "changed")
        #expect(state("sub") == GitState(commit: head, branch: "main", dirty: false))
    }

    @Test func aDetachedHeadHasNoBranch() {
        let head = commit()
        git("checkout", "-q", "--detach")
        #expect(state() == GitState(commit: head, branch: nil, dirty: false))
    }

    @Test func withoutACommitThereIsNoState() {
        #expect(state() == nil)
        git("init", "-q")
        #expect(state() == nil)
    }

    @Test func gitsIndexIsLeftAsItIs() {
        _ = commit()
        // A touched file would make an ordinary status refresh the index.
        run(["touch", "-d", "2001-01-01", directory.string + "/other"])
        let index = directory.string + "/.git/index"
        let before = readFile(index)
        #expect(state()?.dirty == false)
        #expect(readFile(index) == before)
    }
}
