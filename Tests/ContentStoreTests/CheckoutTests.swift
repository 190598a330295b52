@testable internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

@Suite struct CheckoutTests {
    @Test func checkoutRestoresEverythingThatATreeHolds() throws {
        let scratch = Scratch()
        let store = try scratch.store()
        let source = scratch.directory("source")
        write("print(1)\n", to: source.appending("train.py"))
        write("#!/bin/sh\n", to: source.appending("run me.sh"), mode: 0o700)
        write([], to: source.appending("empty"))
        makeDirectories(source.appending("a/b/nothing in here"))
        link(source.appending("a/link"), to: "../train.py")
        link(source.appending("a/dangling"), to: "/mnt/nfs/data")
        let odd = source.appending([0xFF, 0x0A, 0x22])
        write("odd", to: odd)
        for path in [odd, source.appending("a/link"), source.appending("a"), source] {
            setModified(path, FileTime(seconds: 1_000_000_007, nanoseconds: 123_456_789))
        }
        let tree = try snapshot(source, into: store)
        let target = scratch["target"]
        _ = try store.checkOut(tree, into: target)

        #expect(try snapshot(target, into: store) == tree)
        #expect(text(target.appending("train.py")) == "print(1)\n")
        #expect(status(target.appending("run me.sh"))?.mode == UInt32(S_IFREG) | 0o755)
        #expect(status(target.appending("train.py"))?.mode == UInt32(S_IFREG) | 0o644)
        #expect(status(target.appending("a"))?.mode == UInt32(S_IFDIR) | 0o755)
        #expect(linkTarget(target.appending("a/dangling")) == "/mnt/nfs/data")
        #expect(status(target)?.modified.seconds == 1_000_000_007)
    }
}
