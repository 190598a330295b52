internal import ByteStream
internal import Synchronization

/// Calls work off that blocks a thread: it waits on this beside its own descriptors.
final class StopSign: Sendable {
    private let flag = Atomic(false)
    private let waker: WakeDescriptor

    /// - Throws: ``StreamError`` where the process is out of descriptors.
    init() throws(StreamError) { waker = try WakeDescriptor() }

    /// For `poll`, with POLLIN; stays readable once raised.
    var raw: Int32 { waker.raw }

    var isRaised: Bool { flag.load(ordering: .acquiring) }

    func raise() {
        flag.store(true, ordering: .releasing)
        waker.wakePump()
    }
}
