internal import CLinux
internal import Glibc
internal import JobModel

/// What a finished environment looks like: names, kinds, sizes and times of all its files, written
/// into it before it is published. Every later job of the same requirements runs in it, so one that
/// changes it (`pip install` in a job) would change what those run with. An ordinary account does
/// not, since what is sealed is read-only; root can, and is found out at the next use, by the
/// change times if by nothing else: no program can set those. Blocks.
///
/// Bytecode that a job adds is no change: Python itself writes it when it may. What the build has
/// compiled is sealed like all else.
struct EnvironmentSeal: Sendable {
    /// Absolute, with no link in its last component.
    let root: String

    private static let name = ".shunt-seal"
    private static let largestListing = 256 << 20

    /// Writes down what is there and takes away the right to write to it.
    func close() throws {
        do throws(SystemError) {
            // Two looks: to take a right away is a change.
            try listing(closing: true)
            let listing = try listing()
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
        let newline = UInt8(ascii: "\n")
        let before = sealed.split(separator: newline)
        let known = Set(before.map { Self.path($0) })
        let now = present.split(separator: newline).filter { line in
            known.contains(Self.path(line)) || !Self.isBytecode(Self.path(line))
        }
        return before == now ? nil : Self.firstDifference(before, now)
    }

    /// What its files take, by the listing; none where there is no listing.
    func size() -> ByteCount {
        // One without a seal was not left there by a build, and is not used any more.
        guard let sealed = try? SmallFile.read(root + "/" + Self.name, limit: Self.largestListing)
        else { return .zero }
        var total: Int64 = 0
        for line in sealed.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
            guard fields.count == 3 else { continue }
            total &+= Int64(String(decoding: fields[1], as: UTF8.self)) ?? 0
        }
        return ByteCount(max(0, total))
    }

    private static func firstDifference(
        _ before: [ArraySlice<UInt8>], _ now: [ArraySlice<UInt8>]
    ) -> String {
        let index = zip(before, now).prefix { $0.elementsEqual($1) }.count
        // Where a file is gone, what stood after it has moved up; its own line is the one to name.
        let line = index < before.count ? before[index] : now[index]
        return String(decoding: path(line), as: UTF8.self)
    }

    /// What follows the numbers of a line.
    private static func path(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        line.split(separator: UInt8(ascii: " "), maxSplits: 6).last ?? []
    }

    /// A file of bytecode, or the directory in which Python keeps it.
    private static func isBytecode(_ path: ArraySlice<UInt8>) -> Bool {
        path.suffix(4).elementsEqual(".pyc".utf8)
            || path.suffix(11).elementsEqual("__pycache__".utf8)
    }

    /// A line for each file: kind and executable bits, size, times of its content and of its last
    /// change, path.
    ///
    /// - Parameter closing: takes away the right to write to each.
    @discardableResult
    private func listing(closing: Bool = false) throws(SystemError) -> [UInt8] {
        var lines: [UInt8] = []
        let top = try OwnedDescriptor.open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try list(top, "", into: &lines, closing: closing)
        return lines
    }

    private func list(
        _ directory: borrowing OwnedDescriptor, _ path: String, into lines: inout [UInt8],
        closing: Bool
    ) throws(SystemError) {
        let raw = directory.raw
        for name in try directory.names().sorted() where name != Self.name {
            var status = stat()
            try SystemError.check("look at", name) {
                fstatat(raw, name, &status, AT_SYMLINK_NOFOLLOW)
            }
            let kind = status.st_mode & S_IFMT
            let isDirectory = kind == S_IFDIR
            Self.append(Int(kind | status.st_mode & 0o111), to: &lines)
            // What is in a directory has lines of its own, and its time changes with the caches.
            Self.append(isDirectory ? 0 : status.st_size, to: &lines)
            Self.append(isDirectory ? 0 : status.st_mtim.tv_sec, to: &lines)
            Self.append(isDirectory ? 0 : status.st_mtim.tv_nsec, to: &lines)
            Self.append(isDirectory ? 0 : status.st_ctim.tv_sec, to: &lines)
            Self.append(isDirectory ? 0 : status.st_ctim.tv_nsec, to: &lines)
            lines += path.utf8
            lines += name.utf8
            lines.append(UInt8(ascii: "\n"))
            if isDirectory {
                let below = try directory.open(name, O_RDONLY | O_DIRECTORY)
                try list(below, path + name + "/", into: &lines, closing: closing)
            }
            // Best effort: where a mode cannot be set, the listing still tells.
            if closing, kind != S_IFLNK { fchmodat(raw, name, status.st_mode & 0o7555, 0) }
        }
    }

    private static func append(_ number: Int, to lines: inout [UInt8]) {
        lines += String(number).utf8
        lines.append(UInt8(ascii: " "))
    }
}
