internal import Glibc

/// A new directory in `/tmp`, which is short enough for the paths of sockets.
package struct Scratch: Sendable, Hashable {
    /// Absolute.
    package let path: String

    /// - Parameter mode: 0755 lets other accounts through.
    /// - Throws: ``LabError``.
    package init(mode: UInt32 = 0o755) throws {
        var template = Array("\(Self.prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LabError("mkdtemp", code: errno) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        try LabError.check("chmod \(path)") { chmod(path, mode) }
    }

    /// Of every scratch directory's path.
    static let prefix = "/tmp/shunt-lab-"

    /// Removes it and what is in it. Blocks its thread.
    ///
    /// - Throws: ``LabError``.
    package func remove() throws { try Files.removeTree(path) }
}
