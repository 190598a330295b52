import ContentStore
import Glibc
import JobModel

/// A directory of a test's own, removed with it.
final class Scratch: Sendable {
    let path: RawPath

    init() {
        var template = Array("/tmp/shunt-transfer-XXXXXX".utf8CString)
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

    func store(_ name: String) throws -> ObjectStore { try ObjectStore(at: self[name]) }

    func remove(_ name: String) {
        precondition(self[name].withCString { unlink($0) } == 0, "unlink: errno \(errno)")
    }

    func write(_ bytes: [UInt8], to name: String) -> RawPath {
        let path = self[name]
        let file = path.withCString { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
        precondition(file >= 0, "open \(path): errno \(errno)")
        defer { close(file) }
        let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        precondition(count == bytes.count, "write \(path): errno \(errno)")
        return path
    }
}

/// The objects that a store shows to everybody: names and bytes, straight from its directory.
func visibleObjects(of store: ObjectStore) -> [(name: String, path: RawPath)] {
    let objects = store.directory.appending("objects")
    return names(in: objects).flatMap { shard in
        names(in: objects.appending(shard)).map {
            (shard + $0, objects.appending(shard).appending($0))
        }
    }
}

private func names(in path: RawPath) -> [String] {
    guard let directory = path.withCString({ opendir($0) }) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

func contents(of path: RawPath) -> [UInt8] {
    let file = path.withCString { open($0, O_RDONLY) }
    guard file >= 0 else { return [] }
    defer { close(file) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
        let count = read(file, &buffer, buffer.count)
        if count <= 0 { return result }
        result += buffer.prefix(count)
    }
}
