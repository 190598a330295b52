import ByteStream
import Glibc
import Synchronization
import Testing

/// A directory that goes with its test.
struct TemporaryDirectory: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/shunt-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw StreamError(operation: "mkdtemp", errno: errno)
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        // What stays behind in /tmp harms nobody.
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { unlink("\(path)/\(name)") }
        }
        closedir(directory)
        rmdir(path)
    }
}

/// Two streams connected to each other through the kernel.
func socketStreams() throws -> (DescriptorStream, DescriptorStream) {
    try UnixSocket.withPair { one, other in
        (try DescriptorStream(one), try DescriptorStream(other))
    }
}

/// Waits until `condition` holds, looking again after every turn of the other tasks.
///
/// - Throws: ``TestTimeout`` after `limit`.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        if ContinuousClock.now > deadline { throw TestTimeout(what: what) }
        await Task.yield()
        // The pause between two looks.
        usleep(200)
    }
}

/// A value that closures of several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    var value: Value { mutex.withLock { $0 } }
    func update(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

struct TestTimeout: Error, CustomStringConvertible {
    var what: String
    var description: String { "waited in vain until \(what)" }
}

extension ByteStream {
    /// Reads until the end of the stream, in pieces of at most `limit`.
    func readToEnd(atMost limit: Int = 1 << 20) async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await read(atMost: limit)
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// Reads exactly `count` bytes.
    func readExactly(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let bytes = try await read(atMost: count - all.count)
            if bytes.isEmpty { throw StreamError(operation: "read \(count) bytes", errno: EPIPE) }
            all += bytes
        }
        return all
    }
}

/// The errno of the ``StreamError`` that `body` throws; `nil` if it throws none.
func errnoThrown(by body: () async throws -> Void) async -> Int32? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? StreamError)?.errno
    }
}
