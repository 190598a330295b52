internal import CLinux
internal import Glibc
internal import Synchronization

/// A connected socket or pair of pipes as a ``ByteStream``, served by a thread of its own.
///
/// That thread alone touches the descriptors: it waits in `poll` for them and for an eventfd by
/// which reading and writing tasks wake it, and moves bytes to and from two bounded queues. The
/// same arrangement serves libraries whose sessions belong to one thread. The stream owns the
/// descriptors; they are closed once ``close()`` returns. A stream that is dropped without
/// `close()` is closed then.
///
/// The peer's orderly end is the end of the stream; its death shows as that, as `ECONNRESET` (it
/// left bytes unread) or, to a writer, as `EPIPE`.
package final class DescriptorStream: ByteStream {
    private let connection: Connection

    /// Takes over one descriptor that serves both directions, such as a Unix socket.
    ///
    /// - Parameter name: of the thread, for whoever looks at a process with `ps -L`.
    package init(
        _ descriptor: consuming OwnedDescriptor, name: String = "stream"
    ) throws(StreamError) {
        let queues = (inbound: BoundedByteQueue(), outbound: BoundedByteQueue())
        let pump = try DescriptorPump(
            descriptor, inbound: queues.inbound, outbound: queues.outbound)
        connection = try Connection(pump, queues.inbound, queues.outbound)
        try connection.start(name: name)
    }

    /// Takes over the reading end of one pipe and the writing end of another.
    package init(
        reading: consuming OwnedDescriptor, writing: consuming OwnedDescriptor,
        name: String = "stream"
    ) throws(StreamError) {
        let queues = (inbound: BoundedByteQueue(), outbound: BoundedByteQueue())
        let pump = try DescriptorPump(
            reading: reading, writing: writing, inbound: queues.inbound,
            outbound: queues.outbound)
        connection = try Connection(pump, queues.inbound, queues.outbound)
        try connection.start(name: name)
    }

    deinit { connection.requestClose() }

    package nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8] {
        try await connection.inbound.read(
            atMost: min(limit, StreamLimits.buffer), waking: connection.waker)
    }

    package nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await connection.outbound.write(bytes, waking: connection.waker)
    }

    /// Says that nothing more will be written; the peer reads what was accepted and then the end.
    package func finishWriting() {
        connection.outbound.finish(waking: connection.waker)
    }

    package nonisolated(nonsending) func close() async {
        connection.requestClose()
        await connection.end.wait()
    }

    /// Bytes read from the peer that no task has taken, and bytes that the peer has not taken.
    package var buffered: (inbound: Int, outbound: Int) {
        (connection.inbound.count, connection.outbound.count)
    }
}

/// What the stream and its thread share. The thread keeps it alive until the descriptors are
/// closed; the stream only asks for that.
private final class Connection: Sendable {
    let inbound: BoundedByteQueue
    let outbound: BoundedByteQueue
    let waker: WakeDescriptor
    let end = Gate()
    private let isClosing = Atomic(false)
    /// Until the thread has taken it.
    private let handedOver: Mutex<DescriptorPump?>

    init(
        _ pump: consuming DescriptorPump, _ inbound: BoundedByteQueue, _ outbound: BoundedByteQueue
    ) throws(StreamError) {
        waker = try WakeDescriptor()
        self.inbound = inbound
        self.outbound = outbound
        handedOver = Mutex(pump)
    }

    func start(name: String) throws(StreamError) {
        try NativeThread.start(name: name) { self.serve() }
    }

    func requestClose() {
        isClosing.store(true, ordering: .releasing)
        inbound.abandon()
        outbound.finish()
        waker.wakePump()
    }

    private func serve() {
        guard var pump = handedOver.withLock({ $0.take() }) else {
            preconditionFailure("one thread serves a connection")
        }
        var deadline: ContinuousClock.Instant?
        var isReadable = false
        while true {
            if deadline == nil, isClosing.load(ordering: .acquiring) {
                deadline = .now + StreamLimits.linger
                pump.stopReading()
            }
            let interest = pump.transfer(isReadable: isReadable)
            if let deadline, outbound.isDrained || deadline <= .now { break }
            isReadable = wait(
                reading: interest.contains(.readable) ? pump.readDescriptor : -1,
                writing: interest.contains(.writable) ? pump.writeDescriptor : -1,
                until: deadline)
        }
        outbound.refuse(.closed("write"))
        letGo(pump)
        end.open()
    }

    /// Waits for the descriptors or the waker, at most until `deadline`.
    ///
    /// `poll` passes over a negative descriptor. One that is watched for nothing would still
    /// report, again and again, that its peer hung up.
    ///
    /// - Returns: whether there is something to read, be it the end or an error.
    private func wait(
        reading: Int32, writing: Int32, until deadline: ContinuousClock.Instant?
    ) -> Bool {
        var polls = [
            pollfd(fd: waker.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: writing, events: Int16(POLLOUT), revents: 0),
        ]
        var timeout: Int32 = -1
        if let deadline {
            timeout = max(0, Int32((deadline - .now) / .milliseconds(1)) + 1)
        }
        // Interrupted or not, the loop looks again. Other failures (ENOMEM) pass by themselves.
        guard poll(&polls, nfds_t(polls.count), timeout) > 0 else { return false }
        if polls[0].revents != 0 { waker.reset() }
        return polls[1].revents != 0
    }

    /// Closes the descriptors, before anybody is told.
    private func letGo(_ pump: consuming DescriptorPump) {}
}
