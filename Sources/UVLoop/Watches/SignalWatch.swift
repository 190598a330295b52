package import ByteStream
internal import CLibUV

/// Calls back on the loop's thread when the process gets a signal, SIGTERM or SIGCHLD as a rule.
/// Signals of one kind that come close together may be reported once: after SIGCHLD, ask for
/// every child.
///
/// The kernel needs a thread that does not block the signal, and a ``NativeThread`` blocks all:
/// a process leaves it open on its main thread.
package final class SignalWatch: UVHandle {
    private let onSignal: () -> Void

    /// - Throws: ``StreamError`` with `EINVAL` for a signal that cannot be caught.
    package init(
        _ signal: Int32, on loop: UVLoop, onSignal: @escaping () -> Void
    ) throws(StreamError) {
        self.onSignal = onSignal
        try super.init("watch a signal", UV_SIGNAL, on: loop) { loop, memory in
            uv_signal_init(loop, memory.assumingMemoryBound(to: uv_signal_t.self))
        }
        let code = uv_signal_start(
            pointer(to: uv_signal_t.self),
            { handle, _ in UVHandle.of(handle, as: SignalWatch.self)?.onSignal() }, signal)
        if code < 0 { close() }
        try uvCall("watch signal \(signal)", code)
    }
}
