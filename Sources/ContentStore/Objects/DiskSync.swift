internal import CLinux
internal import Glibc

/// The calls that make bytes durable, in one place so that a test can make one fail. Each gives 0
/// or the errno; EINTR is retried. A failure is never retried: after it the kernel may have
/// dropped the very pages that failed, and a second call would claim success.
struct DiskSync: Sendable {
    /// Makes one file or directory durable.
    var file: @Sendable (_ descriptor: Int32) -> Int32
    /// Makes everything of the file system durable that was written before.
    var fileSystem: @Sendable (_ descriptor: Int32) -> Int32
    /// Whether ``fileSystem`` reports failed writes: Linux 5.8 and newer.
    var reportsFailedWrites: Bool

    static let kernel = DiskSync(
        file: { descriptor in uninterrupted { fsync(descriptor) } },
        fileSystem: { descriptor in uninterrupted { syncfs(descriptor) } },
        reportsFailedWrites: runningKernel() >= (5, 8))

    private static func uninterrupted(_ call: () -> Int32) -> Int32 {
        while call() != 0 {
            if errno != EINTR { return errno }
        }
        return 0
    }

    /// Major and minor number of the running kernel; (0, 0) where it cannot be told.
    static func runningKernel() -> (Int, Int) {
        var name = utsname()
        guard uname(&name) == 0 else { return (0, 0) }
        let release = withUnsafeBytes(of: &name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
    }
}

extension DiskSync {
    /// Up to this many files are synced by themselves, side by side, so that the kernel commits
    /// them together. More cost one call for the whole file system, which also waits for whatever
    /// others have written there.
    static let singleLimit = 64
    private static let width = 8

    /// Makes `count` files or directories of one file system durable.
    ///
    /// - Parameters:
    ///   - place: any open file of that file system.
    ///   - open: opens one of them by its index; `nil` for one that needs no sync.
    /// - Returns: 0, or the errno of the first failed sync.
    func each(
        _ count: Int, in place: borrowing Descriptor,
        _ open: @escaping @Sendable (Int) throws -> Descriptor?
    ) throws -> Int32 {
        if count > Self.singleLimit {
            let code = fileSystem(place.number)
            if code != 0 || reportsFailedWrites { return code }
        }
        let sync = file
        let syncOne: @Sendable (Int) throws -> Void = { index in
            guard let descriptor = try open(index) else { return }
            let code = sync(descriptor.number)
            if code != 0 { throw FailedSync(code: code) }
        }
        do {
            if count == 1 {
                try syncOne(0)
            } else if count > 1 {
                try WorkQueue<Int>.run(
                    Array(0..<count), width: min(Self.width, count), context: {},
                    { index, _, _ in try syncOne(index) })
            }
            return 0
        } catch let failure as FailedSync {
            return failure.code
        }
    }

    private struct FailedSync: Error {
        let code: Int32
    }
}
