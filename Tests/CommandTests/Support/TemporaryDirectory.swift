import Foundation

/// A directory that is gone after the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/shunt-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        // What cannot be removed lies under /tmp and harms nobody.
        try? FileManager.default.removeItem(atPath: path)
    }
}
