internal import ContentStore
internal import Glibc
internal import JobModel

/// A directory with a few files in it, for a tool that reads files. Blocks.
enum TemporaryFiles {
    /// - Parameter use: is given the directory, which is removed afterwards.
    static func with<Result>(
        _ files: [(name: String, bytes: [UInt8])], _ use: (_ directory: String) throws -> Result
    ) throws -> Result {
        var pattern = Array("/tmp/shunt-files.XXXXXX".utf8CString)
        guard mkdtemp(&pattern) != nil else { throw failure("/tmp") }
        let directory = String(
            decoding: pattern.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        // What cannot be removed only takes space in a directory for what is temporary.
        defer { try? removeTree(at: RawPath(directory)) }
        for file in files { try write(file.bytes, to: directory + "/" + file.name) }
        return try use(directory)
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw failure(path) }
    }

    private static func failure(_ path: String) -> ShuntError {
        ShuntError(
            .failed, "cannot write `\(path)`: \(String(cString: strerror(errno)))",
            hint: "df -h /tmp")
    }
}
