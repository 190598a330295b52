internal import CLinux
internal import Glibc

/// Wakes the thread or loop that moves a stream's bytes, after a task took or left some.
package protocol PumpWaker: AnyObject, Sendable {
    /// Makes the pump look at its queues soon. Called from any thread, outside any lock of the
    /// queues; several calls may be served by one look.
    func wakePump()
}

/// An eventfd that a thread waits on beside its sockets.
package final class WakeDescriptor: PumpWaker {
    private let event: OwnedDescriptor

    package init() throws(StreamError) {
        let raw = try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) }
        event = OwnedDescriptor(adopting: raw)
    }

    /// For `poll`, with POLLIN.
    package var raw: Int32 { event.raw }

    /// Makes the pump look at its queues. Any thread may call it, as often as it likes.
    package func wakePump() {
        // Fails only with EAGAIN, when the count is full: then the waiter is awake anyway.
        _ = eventfd_write(event.raw, 1)
    }

    /// Forgets the calls so far. The pump calls it before it looks at the queues, so that a call
    /// made during the look wakes it again.
    package func reset() {
        var count: eventfd_t = 0
        // EAGAIN says that there were none.
        _ = eventfd_read(event.raw, &count)
    }
}

/// Counts what is to be done for threads that wait for it: an eventfd whose reads block until the
/// count is above zero and lower it by one.
final class WorkCount: Sendable {
    private let event: OwnedDescriptor

    init() throws(StreamError) {
        let raw = try systemCall("eventfd") {
            eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_SEMAPHORE))
        }
        event = OwnedDescriptor(adopting: raw)
    }

    /// Lets `count` waits through.
    func add(_ count: Int) {
        // Fails only at a count of 2⁶⁴ − 1.
        _ = eventfd_write(event.raw, UInt64(count))
    }

    func wait() {
        var one: eventfd_t = 0
        // Interrupted: wait on. Nothing else can fail on a descriptor that is ours.
        while eventfd_read(event.raw, &one) != 0 {}
    }
}
