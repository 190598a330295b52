internal import ContentStore
internal import Glibc
internal import JobModel

/// A directory of a test's own, removed with it. Names are raw bytes throughout.
final class Scratch: Sendable {
    let path: RawPath

    /// - Parameter onDisk: whether a real file system matters; else it is made in memory, where
    ///   the machine has such a place, since tests make many files.
    init(onDisk: Bool = false) {
        let memory = "/dev/shm"
        let place = !onDisk && access(memory, W_OK) == 0 ? memory : "/tmp"
        var template = Array("\(place)/shunt-content-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) != nil }
        precondition(made, "no temporary directory: errno \(errno)")
        path = RawPath(template.dropLast().map { UInt8(bitPattern: $0) })
    }

    deinit {
        do {
            try removeTree(at: path)
        } catch {
            print("left behind: \(path): \(error)")
        }
    }

    subscript(_ name: String) -> RawPath { path.appending(name) }

    /// A directory made in it.
    func directory(_ name: String) -> RawPath {
        makeDirectories(self[name])
        return self[name]
    }

    func store(_ name: String = "store") throws -> ObjectStore { try ObjectStore(at: self[name]) }
}

func makeDirectories(_ path: RawPath) {
    if path.isEmpty || path.withCString({ access($0, F_OK) }) == 0 { return }
    makeDirectories(path.parent)
    precondition(path.withCString { mkdir($0, 0o755) } == 0, "mkdir \(path): errno \(errno)")
}

func write(_ text: String, to path: RawPath, mode: UInt32 = 0o644) {
    write(Array(text.utf8), to: path, mode: mode)
}

func write(_ bytes: [UInt8], to path: RawPath, mode: UInt32 = 0o644) {
    makeDirectories(path.parent)
    let file = path.withCString { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    precondition(file >= 0, "open \(path): errno \(errno)")
    defer { close(file) }
    var written = 0
    bytes.withUnsafeBytes { buffer in
        while written < buffer.count {
            let count = Glibc.write(file, buffer.baseAddress! + written, buffer.count - written)
            precondition(count > 0, "write \(path): errno \(errno)")
            written += count
        }
    }
    precondition(fchmod(file, mode_t(mode)) == 0)
}

func read(_ path: RawPath) -> [UInt8]? {
    let file = path.withCString { open($0, O_RDONLY | O_NOFOLLOW) }
    guard file >= 0 else { return nil }
    defer { close(file) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = Glibc.read(file, &buffer, buffer.count)
        if count <= 0 { return result }
        result += buffer.prefix(count)
    }
}

func text(_ path: RawPath) -> String? { read(path).map { String(decoding: $0, as: UTF8.self) } }

func link(_ path: RawPath, to target: String) {
    precondition(path.withCString { symlink(target, $0) } == 0, "symlink \(path): errno \(errno)")
}

func linkTarget(_ path: RawPath) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = path.withCString { path in
        buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }
    return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
}

func status(_ path: RawPath) -> FileStat? {
    var result = stat()
    guard path.withCString({ lstat($0, &result) }) == 0 else { return nil }
    return FileStat(
        device: UInt64(result.st_dev), inode: UInt64(result.st_ino), size: Int64(result.st_size),
        modified: FileTime(
            seconds: Int64(result.st_mtim.tv_sec), nanoseconds: UInt32(result.st_mtim.tv_nsec)),
        changed: FileTime(
            seconds: Int64(result.st_ctim.tv_sec), nanoseconds: UInt32(result.st_ctim.tv_nsec)),
        mode: UInt32(result.st_mode))
}

func setModified(_ path: RawPath, _ time: FileTime) {
    let value = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
    let code = path.withCString { utimensat(AT_FDCWD, $0, [value, value], AT_SYMLINK_NOFOLLOW) }
    precondition(code == 0, "utimensat \(path): errno \(errno)")
}

/// The names in a directory, sorted by bytes.
func names(_ path: RawPath) -> [[UInt8]] {
    guard let stream = path.withCString({ opendir($0) }) else { return [] }
    defer { closedir(stream) }
    var result: [[UInt8]] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        if name != Array(".".utf8), name != Array("..".utf8) { result.append(name) }
    }
    return result.sorted { $0.lexicographicallyPrecedes($1) }
}
