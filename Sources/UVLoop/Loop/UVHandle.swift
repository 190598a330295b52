internal import ByteStream
internal import CLibUV

/// What all handles of a loop share: their memory, their owner and their end.
///
/// A handle is made, used and closed on its loop's thread and belongs to whoever made it there, an
/// actor that is pinned to the loop as a rule. It must be closed before it is dropped: `deinit`
/// traps if that was forgotten, because libuv would go on calling into freed memory. The memory of
/// the C handle lives until libuv calls back to say that it no longer uses it; no callback reaches
/// the owner after ``close()``.
package class UVHandle {
    package let loop: UVLoop
    /// Set from the start, so that a handle that could not be made need not be closed.
    package private(set) var isClosed = true
    /// Called when the loop ends while the handle is open, after it was closed.
    var onLoopEnd: (() -> Void)?

    /// `uv_handle_size` bytes.
    private let memory: UnsafeMutableRawPointer

    /// - Parameter make: the `uv_…_init` call.
    /// - Throws: ``StreamError``; `ECANCELED` if the loop is ending.
    init(
        _ operation: String, _ type: uv_handle_type, on loop: UVLoop,
        make: (UnsafeMutablePointer<uv_loop_t>, UnsafeMutableRawPointer) -> Int32
    ) throws(StreamError) {
        self.loop = loop
        memory = .allocate(byteCount: uv_handle_size(type), alignment: 16)
        let code = loop.isEnding ? UV_ECANCELED.rawValue : make(loop.raw, memory)
        if code < 0 {
            memory.deallocate()
            throw StreamError(operation: operation, errno: -code)
        }
        isClosed = false
        uv_handle_set_data(handle, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { precondition(isClosed, "a handle is closed before it is dropped") }

    /// Stops it for good. May be called more than once.
    package func close() {
        loop.preconditionOnLoop()
        guard !isClosed else { return }
        isClosed = true
        uv_close(handle) { UnsafeMutableRawPointer($0)?.deallocate() }
    }

    /// The C handle by its own type, on the loop's thread and while it is open.
    func pointer<Handle>(to type: Handle.Type) -> UnsafeMutablePointer<Handle> {
        loop.preconditionOnLoop()
        precondition(!isClosed, "a closed handle is not used")
        return memory.assumingMemoryBound(to: type)
    }

    /// The owner of a C handle that libuv passes to a callback or on a walk.
    static func of(_ handle: UnsafeMutablePointer<uv_handle_t>?) -> UVHandle? {
        guard let handle, uv_is_closing(handle) == 0, let data = handle.pointee.data else {
            return nil
        }
        return Unmanaged<UVHandle>.fromOpaque(data).takeUnretainedValue()
    }

    /// As ``of(_:)``, for callbacks, which know what they were set on.
    static func of<Handle, Owner: UVHandle>(
        _ handle: UnsafeMutablePointer<Handle>?, as type: Owner.Type
    ) -> Owner? {
        let handle = UnsafeMutableRawPointer(handle)?.assumingMemoryBound(to: uv_handle_t.self)
        return of(handle).map { unsafeDowncast($0, to: type) }
    }

    func loopEnds() {
        let onLoopEnd = onLoopEnd
        close()
        onLoopEnd?()
    }

    private var handle: UnsafeMutablePointer<uv_handle_t> {
        memory.assumingMemoryBound(to: uv_handle_t.self)
    }
}
