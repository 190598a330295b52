import Foundation

/// A directory for one test, which removes it at its end.
struct TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/shunt-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() {
        // What cannot be removed lies under /tmp and harms nobody.
        try? FileManager.default.removeItem(atPath: path)
    }
}
