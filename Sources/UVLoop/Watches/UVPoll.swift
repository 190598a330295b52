internal import ByteStream
internal import CLibUV

/// Says when a descriptor can be read or written. Bytes are moved by whoever asks: a stream's pump
/// reads straight into the arrays that its reader gets.
///
/// libuv recommends its own stream handles over this one for speed on systems that lack epoll; on
/// Linux both are one epoll registration, and this one leaves the buffers to us. The descriptor
/// stays open until after ``close()``.
final class UVPoll: UVHandle {
    private let onReady: (_ isReadable: Bool) -> Void
    private var interest: DescriptorPump.Interest = []

    /// - Parameter onReady: is told whether there is something to read, be it the end or an error.
    init(
        _ descriptor: Int32, on loop: UVLoop, onReady: @escaping (_ isReadable: Bool) -> Void
    ) throws(StreamError) {
        self.onReady = onReady
        try super.init("watch a descriptor", UV_POLL, on: loop) { loop, memory in
            uv_poll_init(loop, memory.assumingMemoryBound(to: uv_poll_t.self), descriptor)
        }
    }

    /// Watches for exactly `interest` from now on.
    func watch(_ interest: DescriptorPump.Interest) throws(StreamError) {
        guard interest != self.interest else { return }
        let handle = pointer(to: uv_poll_t.self)
        self.interest = interest
        if interest.isEmpty {
            uv_poll_stop(handle)
            return
        }
        var events: Int32 = 0
        if interest.contains(.readable) { events |= Int32(UV_READABLE.rawValue) }
        if interest.contains(.writable) { events |= Int32(UV_WRITABLE.rawValue) }
        let code = uv_poll_start(handle, events) { handle, status, events in
            guard let poll = UVHandle.of(handle, as: UVPoll.self) else { return }
            // After an error libuv watches no more. Reading or writing will say what it was.
            if status < 0 { poll.interest = [] }
            poll.onReady(status < 0 || events & Int32(UV_READABLE.rawValue) != 0)
        }
        try uvCall("watch a descriptor", code)
    }
}
