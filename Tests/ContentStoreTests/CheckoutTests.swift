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

    @Test func aTargetThatIsInUseIsRefused() throws {
        let scratch = Scratch()
        let store = try scratch.store()
        let tree = try snapshot(scratch.directory("source"), into: store)
        write("x", to: scratch["task/x"])
        link(scratch["link"], to: "empty")
        _ = scratch.directory("empty")
        for name in ["task", "task/x", "link", "no/parent"] {
            #expect(throws: ShuntError.self) { try store.checkOut(tree, into: scratch[name]) }
        }
        _ = try store.checkOut(tree, into: scratch["empty"])
        #expect(text(scratch["task/x"]) == "x")
    }

    @Test func anObjectThatIsNotHereIsSaid() throws {
        let scratch = Scratch()
        let store = try scratch.store()
        let other = try scratch.store("other")
        write("data", to: scratch["source/d/f"])
        write([], to: scratch["source/d/empty"])
        let tree = try snapshot(scratch["source"], into: other)
        for digest in try other.objects(of: tree).directories + other.objects(of: tree).metadata {
            try store.insert(other.readBytes(of: digest, limit: 1 << 20))
        }
        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: scratch["task"])
        }
        #expect(error?.code == .notFound)
    }

    @Test(arguments: [true, false], [true, false])
    func everyWayOfCopyingGivesTheSameBytes(clone: Bool, inKernel: Bool) throws {
        let scratch = Scratch(onDisk: true)
        let store = try scratch.store()
        var random = SeededGenerator(seed: 7)
        for size in [1, 16 << 10, 128 << 10, (128 << 10) + 1, 3_000_001] {
            write(random.bytes(size), to: scratch["source"].appending("\(size)"))
        }
        let tree = try snapshot(scratch["source"], into: store)
        _ = try store.checkOut(
            tree, into: scratch["task"],
            copier: FileCopier(canClone: clone, canCopyInKernel: inKernel), method: .openat2)
        #expect(try snapshot(scratch["task"], into: store) == tree)
    }

    /// The job owns its files; what it does to them must not reach the store.
    @Test func theStoreSharesNoFileWithACheckout() throws {
        let scratch = Scratch()
        let store = try scratch.store()
        write("data", to: scratch["source/f"])
        let tree = try snapshot(scratch["source"], into: store)
        try store.flush()
        _ = try store.checkOut(tree, into: scratch["task"])
        write("DATA", to: scratch["task/f"])
        let digest = ContentHasher.digest(of: Array("data".utf8))
        #expect(try store.readBytes(of: digest, limit: 9) == Array("data".utf8))
    }

    @Test func theUmaskDoesNotDecideModes() async throws {
        await #expect(processExitsWith: .success) {
            umask(0o077)
            let scratch = Scratch()
            let store = try scratch.store()
            write("#!", to: scratch["source/d/x"], mode: 0o755)
            write("", to: scratch["source/d/f"])
            let tree = try snapshot(scratch["source"], into: store)
            try store.flush()
            let baseline = try store.checkOut(tree, into: scratch["task"])
            #expect(status(scratch["task/d"])?.mode == UInt32(S_IFDIR) | 0o755)
            #expect(status(scratch["task/d/x"])?.mode == UInt32(S_IFREG) | 0o755)
            #expect(status(scratch["task/d/f"])?.mode == UInt32(S_IFREG) | 0o644)
            let outputs = try store.collectOutputs(of: scratch["task"], since: baseline)
            #expect(outputs.totals == .zero)
        }
    }
}
