internal import CLinux
internal import Glibc
package import JobModel

/// The secrets of jobs, as files that only memory holds:
///
/// ```
/// /dev/shm/shunt-UID-HASH/ROLE/KEY/NAME
/// ```
///
/// Directories are 0700 and verified, since everybody may write to `/dev/shm`; files are 0600 and
/// have the bytes of one secret each. What stands under a key came whole, by rename. Nothing is
/// synced: after the machine has been started anew nothing is there. Directories that are empty go.
///
/// What goes wrong is said without a value. All of it blocks, for as long as memory takes.
package struct SecretVault: Sendable {
    /// Whose secrets they are: a task's, as it runs; or a job's, until it is over.
    package enum Role: String, Sendable {
        case agent
        case coordinator
    }

    /// `shunt-UID-HASH`, as the directory of the sockets is called.
    private let instance: String
    private let role: Role

    /// - Parameter socket: of the process that keeps them: the directory that it is in names the
    ///   instance.
    package init(besides socket: String, role: Role) {
        instance = socket.split(separator: "/").dropLast().last.map(String.init) ?? "shunt"
        self.role = role
    }

    /// Where the secrets of a key are, or would be.
    package func directory(of key: String) throws(ShuntError) -> String {
        try roleDirectory() + "/" + key
    }

    /// Keeps secrets under a key. What is there under it by these names stays: a key is used for
    /// one set of values.
    ///
    /// - Throws: `refused` where no place is in memory, or enough is kept already.
    package func put(_ secrets: [Secret], under key: String) throws(ShuntError) {
        let parent = try roleDirectory()
        try requireRoom(for: secrets, in: parent)
        for _ in 0..<Self.attempts {
            try makeDirectories()
            if try place(secrets, under: key, in: parent) { return }
        }
        throw Self.failure("keep secrets in", parent, ENOENT)
    }

    /// - Returns: `nil` where one of them is not there.
    package func secrets(_ names: [String], under key: String) throws(ShuntError) -> [Secret]? {
        let directory = try directory(of: key)
        var secrets: [Secret] = []
        for name in names {
            guard let bytes = try Self.read(directory + "/" + name) else { return nil }
            secrets.append(Secret(name: name, bytes: bytes))
        }
        return secrets
    }

    package func holds(_ names: [String], under key: String) throws(ShuntError) -> Bool {
        let directory = try directory(of: key)
        return names.allSatisfy { access(directory + "/" + $0, R_OK) == 0 }
    }

    /// Removes what is kept under a key. Nothing there is fine.
    package func remove(_ key: String) throws(ShuntError) {
        try Self.remove(directory: try directory(of: key))
    }

    /// Removes all but some keys: what an earlier life of the process has left.
    package func removeAll(but keys: Set<String>) throws(ShuntError) {
        let parent = try roleDirectory()
        for name in Self.names(in: parent) where !keys.contains(name) {
            try Self.remove(directory: parent + "/" + name)
        }
        Self.removeEmpty(parent)
    }

    /// Removes the directory of a key by its path, and those above it that are empty then.
    package static func remove(directory: String) throws(ShuntError) {
        for name in names(in: directory) {
            let path = directory + "/" + name
            guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path, errno) }
        }
        guard rmdir(directory) == 0 || errno == ENOENT else {
            throw failure("remove", directory, errno)
        }
        if let slash = directory.lastIndex(of: "/") { removeEmpty(String(directory[..<slash])) }
    }
}

// MARK: - Files

extension SecretVault {
    /// The directories above a key go when they are empty, which may be at any moment.
    private static let attempts = 64

    private func roleDirectory() throws(ShuntError) -> String {
        try MemoryPlace.find() + "/" + instance + "/" + role.rawValue
    }

    private func makeDirectories() throws(ShuntError) {
        let base = try MemoryPlace.find() + "/" + instance
        for path in [base, base + "/" + role.rawValue] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST || errno == ENOENT else {
                throw Self.failure("make", path, errno)
            }
            var status = stat()
            guard lstat(path, &status) == 0 else {
                // It was empty, and somebody has just removed it.
                if errno == ENOENT { return }
                throw Self.failure("look at", path, errno)
            }
            guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
                status.st_mode & 0o077 == 0
            else {
                throw ShuntError(
                    .refused, "the directory for secrets `\(path)` is not this account's alone",
                    hint: "ls -ld \(path)")
            }
        }
    }

    /// - Returns: `false` where the directory above has just been removed.
    private func place(
        _ secrets: [Secret], under key: String, in parent: String
    ) throws(ShuntError) -> Bool {
        let target = parent + "/" + key
        let temporary = parent + "/." + String(UInt64.random(in: .min ... .max), radix: 16)
        guard mkdir(temporary, 0o700) == 0 else {
            if errno == ENOENT { return false }
            throw Self.failure("make", temporary, errno)
        }
        do throws(ShuntError) {
            for secret in secrets { try Self.write(secret, to: temporary + "/" + secret.name) }
            if rename(temporary, target) == 0 { return true }
            let code = errno
            if try !holds(secrets.map(\.name), under: key) {
                // A part of it was removed by somebody.
                try Self.remove(directory: target)
                if rename(temporary, target) == 0 { return true }
                throw Self.failure("make", target, errno)
            }
            guard code == ENOTEMPTY || code == EEXIST else {
                throw Self.failure("make", target, code)
            }
        } catch {
            try Self.remove(directory: temporary)
            throw error
        }
        try Self.remove(directory: temporary)
        return true
    }

    /// Whatever has filled it, there is room for jobs that use shared memory.
    private func requireRoom(for secrets: [Secret], in parent: String) throws(ShuntError) {
        let keys = Self.names(in: parent)
        var bytes = secrets.reduce(0) { $0 + $1.bytes.count }
        for key in keys {
            for name in Self.names(in: parent + "/" + key) {
                var status = stat()
                // One that has gone meanwhile takes no room.
                if lstat(parent + "/" + key + "/" + name, &status) == 0 {
                    bytes += Int(status.st_size)
                }
            }
        }
        guard keys.count < SecretLimits.keptKeys, bytes <= SecretLimits.keptBytes else {
            throw ShuntError(
                .refused,
                "\(keys.count) jobs that are not over have secrets, and no more are kept in memory",
                hint: "shunt ps")
        }
    }

    private static func write(_ secret: Secret, to path: String) throws(ShuntError) {
        let file = shunt_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("make", path, errno) }
        defer { _ = close(file) }
        var done = 0
        while done < secret.bytes.count {
            let count = secret.bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress! + done, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("write", path, errno) }
            done += count
        }
    }

    private static func read(_ path: String) throws(ShuntError) -> [UInt8]? {
        let file = shunt_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path, errno)
        }
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: SecretLimits.bytes)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress! + length, $0.count - length)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path, errno) }
            if count == 0 { break }
            length += count
        }
        return Array(bytes[..<length])
    }

    /// Without `.` and `..`; none where there is no such directory.
    private static func names(in path: String) -> [String] {
        guard let listing = opendir(path) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// What another key is in stays.
    private static func removeEmpty(_ roleDirectory: String) {
        rmdir(roleDirectory)
        guard let slash = roleDirectory.lastIndex(of: "/") else { return }
        rmdir(String(roleDirectory[..<slash]))
    }

    private static func failure(_ what: String, _ path: String, _ code: Int32) -> ShuntError {
        ShuntError(
            .failed, "cannot \(what) `\(path)`: \(String(cString: strerror(code)))",
            hint: "df -h /dev/shm")
    }
}
