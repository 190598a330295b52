internal import Glibc
package import JobModel
internal import Synchronization

/// What happens to an object whose bytes are not the ones that its name promises: a disk that lost
/// some, or a hand that edited them. Whoever reads an object to its end hashes it on the way; a
/// damaged one is moved to `damaged/`, so that it counts as missing from then on and is sent or
/// snapshotted again, and nothing is ever made of its bytes.
extension ObjectStore {
    private static let damagedName = Array("damaged".utf8)

    /// Whether an object was ever found to be damaged, and its bytes are still kept for people.
    package var hadDamage: Bool {
        directory.appending(Self.damagedName).withCString { access($0, F_OK) } == 0
    }

    /// Whether an object that is here is read before it keeps another copy from coming in; a
    /// damaged one makes way.
    var readsBeforeTrusting: Bool {
        get { isDoubtful.load(ordering: .relaxed) }
        set { isDoubtful.store(newValue, ordering: .relaxed) }
    }

    /// Whether the object is here, so that it needs no other copy.
    func holds(_ digest: Digest) throws -> Bool {
        guard try contains(digest) else { return false }
        return try !readsBeforeTrusting || isUndamaged(digest)
    }

    /// Has every reader of the store look again for what it remembers to be here.
    func noteLoss() throws {
        try flushing.withLock { _ in
            try forPeople {
                try lockPublishing(LOCK_EX)
                defer { _ = flock(publishLock.number, LOCK_UN) }
                try renewGeneration()
            }
        }
    }

    /// Whether this store is still the one in its place: not removed, nor another there by now.
    package var isInPlace: Bool {
        var named = stat()
        var opened = stat()
        let path = directory.appending("objects")
        return path.withCString { stat($0, &named) } == 0 && fstat(objects.number, &opened) == 0
            && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
    }

    /// Reads an object, and moves it aside if it is damaged.
    ///
    /// - Returns: `false` if it is not here, or no longer.
    package func isUndamaged(_ digest: Digest) throws -> Bool {
        do {
            let object = try openForReading(digest)
            if verified.contains(digest, object.status) { return true }
            let actual = try forPeople {
                try ContentHasher.digest(of: object.descriptor, shownAs: objectPath(digest))
            }
            guard actual.digest == digest else { throw try setAsideIfDamaged(digest, object) }
            verified.insert(digest, object.status)
            return true
        } catch let error as ShuntError where error.code == .notFound {
            return false
        }
    }

    /// Reads an object once more that was not what its reader had been told, and moves it aside if
    /// its bytes are others than its name says.
    ///
    /// - Returns: what the reader throws: `.notFound` where the content is missing from now on.
    func setAsideIfDamaged(
        _ digest: Digest, _ object: borrowing StoredObject
    ) throws -> ShuntError {
        let path = objectPath(digest)
        let actual = try forPeople {
            try ContentHasher.digest(of: object.descriptor, shownAs: path)
        }
        if actual.digest == digest {
            return ShuntError(
                .refused,
                "object `\(digest.short)` has \(actual.size) bytes and not as many as "
                    + "the tree says",
                hint: "shunt ps -a")
        }
        return try setAside(digest, object.status)
    }

    /// - Parameter found: the status of the file that was read; another one of that name stays.
    private func setAside(_ digest: Digest, _ found: FileStat) throws -> ShuntError {
        let name = Self.objectName(digest)
        return try flushing.withLock { _ in
            try forPeople {
                // Objects get their names under this lock, so none can arrive in between.
                try lockPublishing(LOCK_EX)
                defer { _ = flock(publishLock.number, LOCK_UN) }
                let status = try objects.status(of: name, shownAs: objectPath(digest))
                guard let status, status.inode == found.inode, status.device == found.device else {
                    return status == nil ? damaged(digest) : notHere(digest)
                }
                try renewGeneration()
                let folder = try damagedFolder()
                try objects.rename(
                    name, folder, Array(digest.hex.utf8), shownAs: damagedPath(digest))
                return notHere(digest)
            }
        }
    }

    /// Changes for every reader of the store when an object was taken out of it: what somebody
    /// remembered to be here has to be looked for again. `nil` while nothing ever was.
    package func removalStamp() throws -> FileStat? {
        let path = directory.appending("generation")
        var result = stat()
        if path.withCString({ lstat($0, &result) }) == 0 { return FileStat(result) }
        if errno == ENOENT { return nil }
        throw SystemError(operation: "read", path: path, code: errno).asShuntError
    }

    /// The contract of ``StoreStamp``: before an object goes.
    private func renewGeneration() throws {
        let value = String(UInt64.random(in: .min ... .max), radix: 16)
        try AtomicFile.write(
            Array(value.utf8), to: directory.appending("generation"), mode: 0o600, isDurable: true)
    }

    private func damagedFolder() throws(SystemError) -> Descriptor {
        let path = directory.appending(Self.damagedName)
        do throws(SystemError) {
            try path.withCString { text throws(SystemError) in
                _ = try checked("create", path) { mkdir(text, 0o700) }
            }
        } catch {
            guard error.code == EEXIST else { throw error }
        }
        return try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }

    private func damagedPath(_ digest: Digest) -> RawPath {
        directory.appending(Self.damagedName).appending(digest.hex)
    }

    func notHere(_ digest: Digest) -> ShuntError {
        let path = damagedPath(digest)
        if path.withCString({ access($0, F_OK) }) == 0 {
            return ShuntError(
                .notFound,
                "object `\(digest.short)` in the store `\(directory)` was damaged and was moved "
                    + "aside",
                hint: "ls -l \(shellQuoted(path))")
        }
        return ShuntError(
            .notFound, "object `\(digest.short)` is not in the store `\(directory)`",
            hint: "shunt ps -a")
    }

    /// What this instance wrote itself and has not flushed is not as it was written.
    func damaged(_ digest: Digest) -> ShuntError {
        ShuntError(
            .failed, "object `\(digest.short)` in the store `\(directory)` is damaged",
            hint: "sha256sum \(shellQuoted(objectPath(digest)))")
    }
}

extension ObjectStore {
    /// Fills the empty file `target`, open for reading and writing, with an object of `size` bytes.
    ///
    /// - Throws: ``ShuntError`` `.notFound` where the object is not here or is damaged.
    func fill(
        _ target: borrowing Descriptor, with digest: Digest, size: Int64, by copier: FileCopier,
        buffer: UnsafeMutableRawBufferPointer, shown: RawPath
    ) throws {
        let object = try openForReading(digest)
        guard object.size == size else { throw try setAsideIfDamaged(digest, object) }
        if verified.contains(digest, object.status) {
            let copied = try copier.copy(
                from: object.descriptor, size: size, to: target, buffer: buffer, shown: shown)
            // Still the file that was verified, now that it was read.
            let status = try object.descriptor.status(shownAs: shown)
            if copied == size, verified.contains(digest, status) { return }
            throw ObjectStore.changedWhileRead(objectPath(digest))
        }
        let copied = try copier.copyAndHash(
            from: object.descriptor, size: size, to: target, buffer: buffer, shown: shown)
        guard copied.size == size, copied.digest == digest else {
            throw try setAsideIfDamaged(digest, object)
        }
        verified.insert(digest, object.status)
    }
}
