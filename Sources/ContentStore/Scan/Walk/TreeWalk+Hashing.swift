internal import CLinux
internal import Glibc
internal import JobModel
internal import Synchronization

/// The content of files that the stat cache does not know.
extension TreeWalk {
    /// Reads the files of a range that need it. The caller holds the node.
    func hash(
        _ node: DirectoryNode, _ range: Range<Int>, _ directory: Int32, _ scratch: WalkScratch
    ) throws {
        var files: Int64 = 0
        var bytes: Int64 = 0
        let parent = root.appending(node.path.bytes)
        for index in range where node.entries[index].flags.contains(.needsHash) {
            let name = Array(node.name(of: node.entries[index]))
            guard
                let outcome = try read(
                    name, in: directory, grain: node.grain, shown: parent.appending(name), scratch)
            else {
                node.entries[index].flags = .isGone
                continue
            }
            record(outcome, at: index, of: node)
            files += 1
            bytes += outcome.status.size
            options.progress?.add(bytesRead: outcome.status.size)
        }
        shared.withLock { shared in
            shared.findings.filesRead += files
            shared.findings.bytesRead += bytes
        }
    }

    /// What one file came to.
    private struct Outcome {
        var digest: Digest
        /// The status it had while it was read.
        var status: FileStat
        var isStored: Bool
        var isSettled = false
    }

    private func record(_ outcome: Outcome, at index: Int, of node: DirectoryNode) {
        let cached = node.entries[index].link
        node.entries[index].link = EntryRecord.none
        node.entries[index].setStatus(outcome.status)
        node.entries[index].digest = outcome.digest
        var flags: EntryRecord.Flags = .hasDigest
        if outcome.isStored { flags.insert(.isStored) }
        if outcome.isSettled { flags.insert(.isSettled) }
        if cached != EntryRecord.none, let known = cache?.entries[Int(cached)],
            known.kind == .file, known.flags.contains(.hasDigest), known.digest == outcome.digest,
            known.isExecutable == node.entries[index].isExecutable
        {
            flags.insert(.sameContent)
            if known.hasTime(of: node.entries[index]) { flags.insert(.sameTime) }
        }
        node.entries[index].flags = flags
    }

    /// Reads a file until its status was the same before and after.
    ///
    /// - Returns: `nil` if it is gone.
    private func read(
        _ name: [UInt8], in directory: Int32, grain: TimestampGrain, shown: RawPath,
        _ scratch: WalkScratch
    ) throws -> Outcome? {
        for _ in 0..<options.attempts {
            let moment = FileTime.now()
            guard let file = try open(name, in: directory, shown: shown) else { return nil }
            let before = try file.status(shownAs: shown)
            guard before.kind == .file else { continue }
            do {
                var outcome = try read(file, before, shown: shown, scratch)
                guard outcome.status == before, try file.status(shownAs: shown) == before else {
                    continue
                }
                outcome.isSettled = grain.isSettled(before, readAt: moment)
                return outcome
            } catch {
                // Whatever failed: if the file is another by now, that is the reason.
                guard try file.status(shownAs: shown) != before else { throw error }
            }
        }
        throw ObjectStore.changedWhileRead(shown)
    }

    private func open(
        _ name: [UInt8], in directory: Int32, shown: RawPath
    ) throws -> Descriptor? {
        do throws(SystemError) {
            // Without O_NONBLOCK, a fifo that took the file's place would hold us for ever.
            let number = try withTerminated(name) { name throws(SystemError) in
                try checked("read", shown) {
                    openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                }
            }
            return Descriptor(adopting: number)
        } catch {
            guard error.code == ENOENT else { throw WalkError.unreadable(error) }
            return nil
        }
    }

    private func read(
        _ file: borrowing Descriptor, _ before: FileStat, shown: RawPath, _ scratch: WalkScratch
    ) throws -> Outcome {
        guard let store else {
            return Outcome(
                digest: try digest(of: file, shown: shown, scratch), status: before,
                isStored: false)
        }
        if before.size <= options.copyLimit.bytes {
            let inserted = try store.insert(copying: file, shownAs: shown)
            return Outcome(digest: inserted.digest, status: inserted.status, isStored: true)
        }
        if let digest = try store.insertClone(of: file, size: before.size, shownAs: shown, scratch)
        {
            return Outcome(digest: digest, status: before, isStored: true)
        }
        let digest = try digest(of: file, shown: shown, scratch)
        return Outcome(digest: digest, status: before, isStored: try store.holds(digest))
    }

    private func digest(
        of file: borrowing Descriptor, shown: RawPath, _ scratch: WalkScratch
    ) throws -> Digest {
        try file.digest(through: scratch.readBuffer, shownAs: shown).digest
    }
}

extension ObjectStore {
    /// Adds a file that shares its blocks with `source`, hashed from the clone, which stands still.
    ///
    /// - Returns: `nil` where the file system cannot, or cannot across these two places.
    fileprivate func insertClone(
        of source: borrowing Descriptor, size: Int64, shownAs shown: RawPath,
        _ scratch: WalkScratch
    ) throws -> Digest? {
        try checkPoison()
        let file = try newFile()
        guard shunt_clone_range(file.descriptor.number, source.number) == 0 else {
            session.remove(file.number)
            return nil
        }
        do {
            let hashed = try file.descriptor.digest(through: scratch.readBuffer, shownAs: shown)
            guard hashed.size == size else { throw Self.changedWhileRead(shown) }
            try register(file.number, digest: hashed.digest, size: size)
            return hashed.digest
        } catch {
            throw abandon(file.number, error)
        }
    }
}

extension Descriptor {
    /// Hashes a file from its start to its end.
    func digest(
        through buffer: UnsafeMutableRawBufferPointer, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> (digest: Digest, size: Int64) {
        var hasher = ContentHasher()
        var offset: Int64 = 0
        while true {
            let count = try checked("read", shown()) {
                pread(number, buffer.baseAddress!, buffer.count, off_t(offset))
            }
            if count == 0 { return (hasher.finish(), offset) }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }
}
