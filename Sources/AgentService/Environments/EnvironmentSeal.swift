internal import CLinux
internal import Glibc
internal import JobModel

/// What a finished environment looks like: names, kinds, sizes and times of all its files, written
/// into it before it is published. Every later job of the same requirements runs in it, so one that
/// changes it (`pip install` in a job) would change what those run with. An ordinary account does
/// not, since what is sealed is read-only; root can, and is found out at the next use. Blocks.
///
/// Left out are bytecode caches, which Python itself writes when it may.
struct EnvironmentSeal: Sendable {
    /// Absolute, with no link in its last component.
    let root: String

    private static let name = ".shunt-seal"
    private static let largestListing = 256 << 20

    /// Writes down what is there and takes away the right to write to it.
    func close() throws {
        do throws(SystemError) {
            let listing = try listing { path, status in
                // Best effort: where a mode cannot be set, the listing still tells.
                chmod(path, status.st_mode & 0o7777 & ~0o222)
            }
            let file = try OwnedDescriptor.open(
                root + "/" + Self.name, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o400)
            try SmallFile.overwrite(listing, at: 0, in: file, Self.name)
            // Last: nothing can be put into it from here on.
            chmod(root, 0o500)
        } catch {
            throw ShuntError(error, in: root)
        }
    }

    /// The first file, below the root, that is not as it was when the environment was sealed; `nil`
    /// where all are.
    func firstChange() -> String? {
        // One that cannot be read was not left there by a build.
        guard let sealed = try? SmallFile.read(root + "/" + Self.name, limit: Self.largestListing)
        else { return Self.name }
        // One that cannot be listed is not as it was.
        guard let present = try? listing() else { return "." }
        if present == sealed { return nil }
        return Self.firstDifference(sealed, present)
    }

    private static func firstDifference(_ sealed: [UInt8], _ present: [UInt8]) -> String {
        let newline = UInt8(ascii: "\n")
        let before = sealed.split(separator: newline)
        let now = present.split(separator: newline)
        let index = zip(before, now).prefix { $0.elementsEqual($1) }.count
        // Where a file is gone, what stood after it has moved up; its own line is the one to name.
        let line = index < before.count ? before[index] : now[index]
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
        return String(decoding: fields.last ?? [], as: UTF8.self)
    }

    /// A line for each file: kind and executable bits, size, time, path.
    private func listing(
        _ visit: (_ path: String, _ status: stat) -> Void = { _, _ in }
    ) throws(SystemError) -> [UInt8] {
        var lines: [UInt8] = []
        try list("", into: &lines, visit)
        return lines
    }

    private func list(
        _ directory: String, into lines: inout [UInt8],
        _ visit: (_ path: String, _ status: stat) -> Void
    ) throws(SystemError) {
        let names = try OwnedDescriptor.open(
            root + "/" + directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        ).names().sorted()
        for name in names where !Self.isLeftOut(name) {
            let relative = directory + name
            let path = root + "/" + relative
            var status = stat()
            try SystemError.check("look at", path) { lstat(path, &status) }
            let kind = status.st_mode & S_IFMT
            let isDirectory = kind == S_IFDIR
            // What is in a directory has lines of its own, and its time changes with the caches.
            let size = isDirectory ? 0 : status.st_size
            let time = isDirectory ? timespec() : status.st_mtim
            lines += Array(
                """
                \(kind | status.st_mode & 0o111) \(size) \(time.tv_sec).\(time.tv_nsec) \(relative)

                """.utf8)
            if isDirectory { try list(relative + "/", into: &lines, visit) }
            if kind != S_IFLNK { visit(path, status) }
        }
    }

    private static func isLeftOut(_ name: String) -> Bool {
        name == "__pycache__" || name.hasSuffix(".pyc") || name == Self.name
    }
}
