internal import ByteStream
internal import CLinux
internal import Glibc

/// The few things that the lab does with files.
package enum Files {
    /// Writes a file anew.
    ///
    /// - Parameter mode: that the file gets, whatever the umask.
    /// - Throws: ``LabError``.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o644) throws {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    /// As ``write(_:to:mode:)-(String,_,_)``.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        let file = OwnedDescriptor(
            adopting: try LabError.check("open \(path)") {
                shunt_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
            })
        try LabError.check("chmod \(path)") { fchmod(file.raw, mode) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file.raw, $0.baseAddress! + done, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw LabError("write \(path)", code: errno) }
            done += count
        }
    }

    /// The bytes of a file, also of one whose size is not known before it is read.
    ///
    /// - Throws: ``LabError``.
    package static func bytes(_ path: String) throws -> [UInt8] {
        let file = OwnedDescriptor(
            adopting: try LabError.check("open \(path)") {
                shunt_open(path, O_RDONLY | O_CLOEXEC, 0)
            })
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file.raw, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw LabError("read \(path)", code: errno) }
            if count == 0 { return all }
            all += buffer[..<count]
        }
    }

    /// As ``bytes(_:)``, as text.
    package static func text(_ path: String) throws -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// Whether something has that name, a link that leads nowhere included.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Makes a directory with that mode, whatever the umask; one that exists gets the mode.
    ///
    /// - Throws: ``LabError``.
    package static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws {
        if mkdir(path, mode) != 0, errno != EEXIST { throw LabError("mkdir \(path)", code: errno) }
        try LabError.check("chmod \(path)") { chmod(path, mode) }
    }

    /// Removes a tree; one that is not there is no error. Blocks its thread.
    ///
    /// - Throws: ``LabError``.
    package static func removeTree(_ path: String) throws {
        try Command.run(["rm", "-rf", "--one-file-system", "--", path])
    }
}
