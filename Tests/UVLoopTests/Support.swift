import ByteStream
import Glibc
import Synchronization
import Testing
import UVLoop

/// Runs `body` with a loop on a thread of its own, which has ended when this returns.
@discardableResult
func withLoop<Result: Sendable>(
    _ body: @Sendable (UVLoop) async throws -> Result
) async throws -> Result {
    let loop = try UVLoop()
    try loop.start(name: "test-loop")
    do {
        let result = try await body(loop)
        await loop.shutdown()
        return result
    } catch {
        await loop.shutdown()
        throw error
    }
}

extension UVLoop {
    /// Runs `body` on the loop's thread and waits for what it returns.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            post { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }
}

/// A handle of the loop, or several, that a test makes there and closes there.
final class OnLoop<Value>: @unchecked Sendable {
    // Right because `use` is the only way to it, and traps on any other thread.
    private var value: Value?
    private let loop: UVLoop

    init(_ loop: UVLoop) { self.loop = loop }

    func set(_ value: Value) {
        loop.preconditionOnLoop()
        self.value = value
    }

    func use<Result>(_ body: (Value) throws -> Result) rethrows -> Result? {
        loop.preconditionOnLoop()
        return try value.map(body)
    }
}

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

struct TestTimeout: Error, CustomStringConvertible {
    var what: String
    var description: String { "waited in vain until \(what)" }
}

/// A value that closures of several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    var value: Value { mutex.withLock { $0 } }
    func update(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
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
