internal import CLinux
internal import Glibc

/// A thread of our own, for work that must not stand on Swift's cooperative pool.
///
/// Every signal is blocked in it, so that handlers run on the main thread and a `write` to a
/// broken pipe fails with `EPIPE` instead of ending the process. Whatever spawns a child from such
/// a thread resets the child's signal mask, since children inherit it.
package enum NativeThread {
    /// Enough for hashing, compression contexts on the heap, and a deep directory walk.
    package static let stackSize = 1 << 20

    /// Starts a detached thread; who needs to know of its end has `body` say so.
    ///
    /// - Parameter name: as `ps -L` shows it; the kernel keeps its first 15 bytes.
    /// - Throws: ``StreamError`` where the limit on threads is reached.
    package static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(StreamError) {
        var attributes = pthread_attr_t()
        try check(pthread_attr_init(&attributes))
        defer { pthread_attr_destroy(&attributes) }
        try check(pthread_attr_setstacksize(&attributes, stackSize))
        try check(pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED)))

        let context = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let code = withSignalsBlocked {
            pthread_create(&thread, &attributes, { NativeThread.enter($0) }, context.toOpaque())
        }
        if code != 0 { context.release() }
        try check(code)
    }

    /// The name and the body on their way through C's `void *`.
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private static func enter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { preconditionFailure("a thread starts with its context") }
        let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
        // Cannot fail: the kernel cuts what is too long.
        _ = shunt_set_thread_name(start.name)
        start.body()
        return nil
    }

    /// A thread inherits its creator's mask: blocking before it exists leaves no gap in which a
    /// handler could run on it.
    private static func withSignalsBlocked(_ body: () -> Int32) -> Int32 {
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        return body()
    }

    private static func check(_ code: Int32) throws(StreamError) {
        if code != 0 { throw StreamError(operation: "start a thread", errno: code) }
    }
}
