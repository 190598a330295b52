@testable internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

@Suite struct ObjectStoreTests {
    let scratch = Scratch()

    private func visible(_ digest: Digest, in store: ObjectStore) -> FileStat? {
        let hex = digest.hex
        return status(store.directory.appending("objects/\(hex.prefix(2))/\(hex.dropFirst(2))"))
    }

    private func temporaries(_ store: ObjectStore) -> [[UInt8]] {
        let folder = store.directory.appending("temporary")
        return names(folder).flatMap { session in
            names(folder.appending(session)).filter { $0 != Array("lock".utf8) }
        }
    }

    @Test func anObjectHasNoNameBeforeItIsDurable() throws {
        let store = try scratch.store()
        let digest = try store.insert(Array("hello".utf8))
        #expect(visible(digest, in: store) == nil)
        #expect(try store.contains(digest))
        #expect(try store.readBytes(of: digest, limit: 5) == Array("hello".utf8))
        #expect(try !ObjectStore(at: store.directory).contains(digest))
        try store.flush()
        #expect(visible(digest, in: store)?.mode == UInt32(S_IFREG) | 0o444)
        #expect(try ObjectStore(at: store.directory).readBytes(of: digest, limit: 9).count == 5)
        #expect(temporaries(store).isEmpty)
    }

    @Test func missingGivesWhatIsNotHereOnceAndInOrder() throws {
        let store = try scratch.store()
        let here = try store.insert([1])
        let first = ContentHasher.digest(of: [2])
        let second = ContentHasher.digest(of: [3])
        #expect(try store.missing(of: [second, here, first, second]) == [second, first])
        #expect(try store.size(of: here) == 1)
        #expect(try store.size(of: first) == nil)
        let error = #expect(throws: ShuntError.self) { _ = try store.openForReading(first) }
        #expect(error?.code == .notFound)
    }

    @Test func readsBeyondTheLimitAreRefused() throws {
        let store = try scratch.store()
        let digest = try store.insert([UInt8](repeating: 7, count: 100))
        let error = #expect(throws: ShuntError.self) {
            try store.readBytes(of: digest, limit: 99)
        }
        #expect(error?.code == .refused)
    }

    @Test func positionedReadsGiveTheBytesThere() throws {
        let store = try scratch.store()
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let object = try store.openForReading(try store.insert(bytes))
        #expect(try object.bytes(at: 150_000, count: 99) == Array(bytes[150_000..<150_099]))
        #expect(try object.bytes(at: 199_990, count: 99) == Array(bytes[199_990...]))
        #expect(try object.bytes(at: 200_000, count: 1).isEmpty)
    }

    @Test(arguments: [0, 1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000])
    func filesOfEverySizeAreCopiedWhole(size: Int) throws {
        let store = try scratch.store()
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        write(bytes, to: scratch["file"])
        let file = try store.insert(copyingFileAt: scratch["file"])
        #expect(file.size == size)
        #expect(file.digest == ContentHasher.digest(of: bytes))
        #expect(file.status == status(scratch["file"]))
        try store.flush()
        #expect(try store.readBytes(of: file.digest, limit: size) == bytes)
        #expect(visible(file.digest, in: store)?.inode != status(scratch["file"])?.inode)
    }

    @Test func whatIsNoRegularFileIsRefused() throws {
        let store = try scratch.store()
        write("x", to: scratch["file"])
        link(scratch["link"], to: "file")
        _ = scratch["fifo"].withCString { mkfifo($0, 0o600) }
        _ = scratch.directory("folder")
        for name in ["link", "fifo", "folder", "nothing"] {
            #expect(throws: ShuntError.self) { try store.insert(copyingFileAt: scratch[name]) }
        }
        #expect(temporaries(store).isEmpty)
    }

    @Test(arguments: [100, 3_000_000])
    func aFileThatChangesWhileItIsReadIsNoObject(size: Int) throws {
        let store = try scratch.store()
        let path = scratch["growing"]
        write([UInt8](repeating: 1, count: size), to: path)
        let isOver = Counter()
        let sawChange = Counter()
        // One thread writes without pause, so reads overlap with writes sooner or later.
        try WorkQueue<Int>.run([0, 1], width: 2, context: {}) { role, _, _ in
            if role == 0 {
                defer { isOver.increment() }
                for _ in 0..<20_000 {
                    do {
                        let file = try store.insert(copyingFileAt: path)
                        let stored = try store.readBytes(of: file.digest, limit: 1 << 30)
                        #expect(ContentHasher.digest(of: stored) == file.digest)
                    } catch let error as ShuntError {
                        #expect(error.message.contains("changed while it was being read"))
                        sawChange.increment()
                        return
                    }
                }
            } else {
                var value: UInt8 = 0
                let file = path.withCString { open($0, O_WRONLY) }
                defer { close(file) }
                while isOver.value == 0 {
                    value &+= 1
                    pwrite(file, &value, 1, off_t.random(in: 0..<size))
                }
            }
        }
        #expect(sawChange.value > 0)
    }

    @Test func theWireSideVerifiesWhatItWasPromised() throws {
        let store = try scratch.store()
        let bytes = Array("some content".utf8)
        let digest = ContentHasher.digest(of: bytes)
        let good = try store.writer(for: digest, size: 12)
        try good.append(bytes[..<5])
        try good.append(bytes[5...])
        #expect(good.received == 12)
        try good.commit()
        #expect(throws: ShuntError.self) { try good.append([1]) }
        #expect(throws: ShuntError.self) { try good.commit() }
        #expect(try store.contains(digest))

        let other = ContentHasher.digest(of: [9])
        let wrong = try store.writer(for: other, size: 12)
        try wrong.append(bytes)
        #expect(throws: ShuntError.self) { try wrong.commit() }
        let short = try store.writer(for: other, size: 13)
        try short.append(bytes)
        #expect(throws: ShuntError.self) { try short.commit() }
        let long = try store.writer(for: other, size: 11)
        #expect(throws: ShuntError.self) { try long.append(bytes) }
        #expect(throws: ShuntError.self) { try long.commit() }
        try store.writer(for: other, size: 3).abort()
        _ = try store.writer(for: other, size: 4)
        #expect(try !store.contains(other))
        #expect(temporaries(store).count == 1)
        try store.flush()
        #expect(temporaries(store).isEmpty)
    }

    @Test func manyWritersOfTheSameObjectsAgree() throws {
        let directory = scratch["store"]
        _ = try ObjectStore(at: directory)
        // Each piece of work has an instance of its own, as another process would.
        try WorkQueue<Int>.run(Array(0..<8), width: 4, context: {}) { _, _, _ in
            let store = try ObjectStore(at: directory)
            for round in 0..<40 {
                for value in 0..<5 { try store.insert([UInt8(round), UInt8(value)]) }
                try store.flush()
            }
        }
        let store = try ObjectStore(at: directory)
        for round in 0..<40 {
            for value in 0..<5 {
                let bytes = [UInt8(round), UInt8(value)]
                #expect(
                    try store.readBytes(of: ContentHasher.digest(of: bytes), limit: 2) == bytes)
            }
        }
        #expect(status(directory.appending("publish.lock"))?.size == 0)
        #expect(names(directory.appending("temporary")).isEmpty)
    }

    @Test func aNameOnceGivenIsNeverGivenAgain() throws {
        let first = try scratch.store()
        let second = try scratch.store()
        let digest = try first.insert([1, 2, 3])
        try second.insert([1, 2, 3])
        try first.flush()
        let before = visible(digest, in: first)
        try second.flush()
        #expect(visible(digest, in: first)?.inode == before?.inode)
        #expect(before != nil)
    }

    @Test func aFailedSyncIsFatalForWhatItCovered() throws {
        let isBroken = Counter()
        let sync = DiskSync(
            file: { isBroken.value > 0 ? EIO : DiskSync.kernel.file($0) },
            fileSystem: { DiskSync.kernel.fileSystem($0) }, reportsFailedWrites: true)
        let store = try ObjectStore(at: scratch["store"], sync: sync)
        let safe = try store.insert([1])
        try store.flush()
        isBroken.value = 1
        let lost = try store.insert([2])
        #expect(throws: ShuntError.self) { try store.flush() }
        isBroken.value = 0
        // A second try could only claim what the kernel has forgotten.
        #expect(throws: ShuntError.self) { try store.flush() }
        #expect(throws: ShuntError.self) { try store.insert([3]) }
        #expect(throws: ShuntError.self) { try store.writer(for: safe, size: 1) }
        let fresh = try scratch.store()
        #expect(try fresh.contains(safe))
        #expect(try !fresh.contains(lost))
    }

    @Test func oldKernelsSyncEveryFileByItself() throws {
        let files = Counter()
        let sync = DiskSync(
            file: { descriptor in
                files.increment()
                return DiskSync.kernel.file(descriptor)
            },
            fileSystem: { DiskSync.kernel.fileSystem($0) }, reportsFailedWrites: false)
        let store = try ObjectStore(at: scratch["store"], sync: sync)
        for value in 0..<20 { try store.insert([UInt8(value)]) }
        let before = files.value
        try store.flush()
        #expect(files.value >= before + 20)
    }

    @Test func fewObjectsCostFewSyncsAndNothingNewCostsNone() throws {
        let syncs = Counter()
        let sync = DiskSync(
            file: { descriptor in
                syncs.increment()
                return DiskSync.kernel.file(descriptor)
            },
            fileSystem: { descriptor in
                syncs.increment()
                return DiskSync.kernel.fileSystem(descriptor)
            }, reportsFailedWrites: true)
        let store = try ObjectStore(at: scratch["store"], sync: sync)
        let start = syncs.value
        for value in 0..<1000 { try store.insert(Array("object \(value)".utf8)) }
        try store.flush()
        #expect(syncs.value == start + 2)
        for value in 0..<1000 { try store.insert(Array("object \(value)".utf8)) }
        try store.flush()
        #expect(syncs.value == start + 2)
    }

    @Test func aFlushFinishesWhatADeadProcessBegan() throws {
        let syncs = Counter()
        let sync = DiskSync(
            file: { DiskSync.kernel.file($0) },
            fileSystem: { descriptor in
                syncs.increment()
                return DiskSync.kernel.fileSystem(descriptor)
            }, reportsFailedWrites: true)
        let store = try ObjectStore(at: scratch["store"], sync: sync)
        let lock = scratch["store"].appending("publish.lock")
        // What a process leaves that is killed between its renames and its sync.
        write([0], to: lock)
        try store.flush()
        #expect(syncs.value == 1)
        #expect(status(lock)?.size == 0)
        try store.flush()
        #expect(syncs.value == 1)
    }

    @Test func leftoversOfTheDeadGoAndThoseOfTheLivingStay() throws {
        let store = try scratch.store()
        let living = try store.insert([1])
        let folder = scratch["store"].appending("temporary")
        for name in ["99-dead", "98-never-locked", "new-97-dead"] {
            makeDirectories(folder.appending(name))
            write("half", to: folder.appending(name).appending("1"))
        }
        write("", to: folder.appending("99-dead/lock"))
        for name in ["98-never-locked", "new-97-dead"] {
            setModified(folder.appending(name), FileTime(seconds: 1_000_000, nanoseconds: 0))
        }
        // Their makers may be about to lock them.
        makeDirectories(folder.appending("96-just-made"))
        write("", to: folder.appending("new-95/lock"))
        _ = try scratch.store()
        #expect(names(folder).count == 3)
        try store.flush()
        #expect(try scratch.store().contains(living))
    }

    @Test func aNewerFormatIsRefusedAndLeftAlone() throws {
        _ = try scratch.store()
        let version = scratch["store"].appending("version")
        #expect(text(version) == "shunt content store 1\n")
        write("shunt content store 2\n", to: version)
        let error = #expect(throws: ShuntError.self) { try scratch.store() }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("format 2") == true)
        write("something else", to: version)
        #expect(throws: ShuntError.self) { try scratch.store() }
        #expect(text(version) == "something else")
    }

    @Test func aStoreThatCannotBeWrittenSaysWhere() throws {
        write("", to: scratch["file"])
        let error = #expect(throws: ShuntError.self) {
            try ObjectStore(at: scratch["file"].appending("store"))
        }
        #expect(error?.message.contains("file/store") == true)
        #expect(error?.hint != nil)
    }

    @Test func aStoreIsMadeWithItsParents() throws {
        let store = try ObjectStore(at: scratch["a/b/c"])
        try store.insert([1])
        try store.flush()
        #expect(status(scratch["a/b"])?.mode == UInt32(S_IFDIR) | 0o700)
    }

    @Test func moreThanTheLimitFlushesByItself() throws {
        let store = try scratch.store()
        for value in 0..<(ObjectStore.pendingLimit + 10) {
            try store.insert(withUnsafeBytes(of: value) { Array($0) })
        }
        #expect(temporaries(store).count < ObjectStore.pendingLimit)
        let first = withUnsafeBytes(of: 0) { Array($0) }
        #expect(visible(ContentHasher.digest(of: first), in: store) != nil)
    }
}
