internal import Glibc

/// Small files that are replaced as a whole, so that a reader sees the old or the new one.
package enum AtomicFile {
    /// Replaces a file that is this account's alone, durably.
    ///
    /// - Throws: ``ShuntError`` with `failed`.
    package static func replace(_ path: RawPath, with bytes: [UInt8]) throws {
        try forPeople { try write(bytes, to: path, mode: 0o600, isDurable: true) }
    }

    /// Writes `bytes` beside `path` and renames them over it.
    ///
    /// - Parameter isDurable: whether file and folder are synced before this returns.
    static func write(
        _ bytes: [UInt8], to path: RawPath, mode: UInt32 = 0o644, isDurable: Bool
    ) throws(SystemError) {
        let parent = path.parent
        let folder = try Descriptor.open(
            parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY)
        let temporary = Array(".shunt-\(getpid())-\(UInt64.random(in: .min ... .max))".utf8)
        do throws(SystemError) {
            let file = try folder.open(
                temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode, shownAs: path)
            try file.writeAll(bytes, shownAs: path)
            if isDurable { try checked("sync", path) { fsync(file.number) } }
            try folder.rename(temporary, folder, path.lastComponent, shownAs: path)
            if isDurable { try checked("sync", parent) { fsync(folder.number) } }
        } catch {
            // If this fails too, the first error is still the one to tell.
            try? folder.unlink(temporary, shownAs: path)
            throw error
        }
    }

    /// Reads a whole file.
    ///
    /// - Throws: ``SystemError`` with `EFBIG` for one of more than `limit` bytes.
    static func read(_ path: RawPath, limit: Int) throws(SystemError) -> [UInt8] {
        let file = try Descriptor.open(path, O_RDONLY)
        let size = Int(try file.status(shownAs: path).size)
        guard size <= limit else { throw SystemError(operation: "read", path: path, code: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: size)
        var failure: SystemError?
        let count = bytes.withUnsafeMutableBytes { buffer in
            do throws(SystemError) {
                return try file.read(into: buffer, shownAs: path)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        bytes.removeLast(size - count)
        return bytes
    }
}

extension Descriptor {
    func writeAll(
        _ bytes: [UInt8], shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        var failure: SystemError?
        bytes.withUnsafeBytes { buffer in
            do throws(SystemError) {
                try write(buffer, shownAs: shown())
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
