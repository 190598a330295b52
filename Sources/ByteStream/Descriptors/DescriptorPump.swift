internal import CLinux
internal import Glibc

/// Moves bytes between a connected, non-blocking descriptor (or a pair, one to read and one to
/// write) and two bounded queues. It never waits: whoever drives it, a thread with `poll` or a
/// libuv loop, calls ``transfer(isReadable:)`` when something may have changed, and then waits for
/// what that returns. It alone touches its descriptors, and closes them when it goes.
///
/// `O_NONBLOCK` belongs to the open file, so that other holders of a descriptor that was inherited
/// or passed on see it too.
///
/// An end of the input finishes ``inbound`` and leaves the output open (half-close). A broken
/// connection reaches readers after what arrived before it, and writers at once.
package struct DescriptorPump: ~Copyable, Sendable {
    /// From the descriptor to the reading task.
    package let inbound: BoundedByteQueue
    /// From the writing task to the descriptor.
    package let outbound: BoundedByteQueue

    private let input: OwnedDescriptor
    /// `nil` where `input` serves both directions.
    private var output: OwnedDescriptor?
    private let isSocket: Bool
    private var isInputOpen = true
    private var isOutputOpen = true
    /// Where a read of unknown length goes, to be copied out: so a queue of small messages does
    /// not hold large arrays.
    private var scratch = [UInt8](repeating: 0, count: 64 << 10)
    /// The last read left more behind: the next goes straight into an array for the reader.
    private var isFlowing = false

    /// What a driver waits for before the next ``transfer(isReadable:)``. Empty: only for a
    /// wake-up by the queues.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let readable = Interest(rawValue: 1)
        package static let writable = Interest(rawValue: 2)
    }

    /// Takes over one descriptor that serves both directions, a socket or a terminal.
    package init(
        _ descriptor: consuming OwnedDescriptor, inbound: BoundedByteQueue,
        outbound: BoundedByteQueue
    ) throws(StreamError) {
        try descriptor.setNonBlocking()
        isSocket = descriptor.isSocket
        input = descriptor
        output = nil
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Takes over the reading end of one pipe and the writing end of another.
    package init(
        reading: consuming OwnedDescriptor, writing: consuming OwnedDescriptor,
        inbound: BoundedByteQueue, outbound: BoundedByteQueue
    ) throws(StreamError) {
        try reading.setNonBlocking()
        try writing.setNonBlocking()
        isSocket = false
        input = reading
        output = consume writing
        self.inbound = inbound
        self.outbound = outbound
    }

    /// For waiting on ``Interest/readable``.
    package var readDescriptor: Int32 { input.raw }
    /// For waiting on ``Interest/writable``; the same number for a socket.
    package var writeDescriptor: Int32 {
        switch output {
        case .some(let output): output.raw
        case nil: input.raw
        }
    }

    /// Moves what can be moved now, within a share that leaves time for others on the same loop.
    ///
    /// - Parameter isReadable: the driver has been told so, or that an error awaits; without it no
    ///   read is tried, since it would mostly find nothing.
    package mutating func transfer(isReadable: Bool) -> Interest {
        var interest: Interest = []
        if isInputOpen, receive(isReadable) { interest.insert(.readable) }
        if isOutputOpen, send() { interest.insert(.writable) }
        return interest
    }

    /// Stops reading and drops what was read; what stands to be sent can still go.
    package mutating func stopReading() {
        isInputOpen = false
        inbound.abandon()
    }

    // MARK: Receiving

    /// - Returns: whether to wait until the descriptor is readable.
    private mutating func receive(_ isReadable: Bool) -> Bool {
        let space = min(inbound.freeSpace(), StreamLimits.transfer)
        guard space > 0 else { return false }
        guard isReadable else { return true }
        // One read: the driver comes back as long as there is more.
        switch readOnce(atMost: space) {
        case .success(let bytes) where bytes.isEmpty:
            isInputOpen = false
            inbound.finish()
            return false
        case .success(let bytes):
            inbound.append(bytes)
            return true
        case .failure(let error) where error.errno == EAGAIN:
            return true
        case .failure(let error):
            isInputOpen = false
            inbound.fail(error)
            return false
        }
    }

    private mutating func readOnce(atMost space: Int) -> Result<[UInt8], StreamError> {
        let limit = isFlowing ? space : min(space, scratch.count)
        let result = isFlowing ? readDirectly(limit) : readThroughScratch(limit)
        if case .success(let bytes) = result {
            isFlowing = bytes.count == limit || bytes.count > scratch.count
        }
        return result
    }

    private func readDirectly(_ limit: Int) -> Result<[UInt8], StreamError> {
        var result: Result<Int, StreamError> = .success(0)
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            result = attempt("read") { read(input.raw, buffer.baseAddress, limit) }
            if case .success(let length) = result { count = length }
        }
        // An array less than half full would hold more memory than the queue counts.
        return result.map { $0 * 2 < limit ? bytes.withUnsafeBytes { Array($0) } : bytes }
    }

    private mutating func readThroughScratch(_ limit: Int) -> Result<[UInt8], StreamError> {
        let descriptor = input.raw
        let result = scratch.withUnsafeMutableBytes { buffer in
            attempt("read") { read(descriptor, buffer.baseAddress, limit) }
        }
        return result.map { Array(scratch[..<$0]) }
    }

    // MARK: Sending

    /// - Returns: whether to wait until the descriptor is writable.
    private mutating func send() -> Bool {
        var budget = StreamLimits.buffer
        while budget > 0 {
            guard let chunk = outbound.nextChunk() else {
                if outbound.isDrained { endOutput() }
                return false
            }
            switch writeOnce(chunk) {
            case .success(let sent):
                outbound.removeFirst(sent)
                budget -= sent
                if sent < chunk.count { return true }
            case .failure(let error) where error.errno == EAGAIN:
                return true
            case .failure(let error):
                isOutputOpen = false
                outbound.refuse(error)
                return false
            }
        }
        return true
    }

    private func writeOnce(_ chunk: ArraySlice<UInt8>) -> Result<Int, StreamError> {
        chunk.withUnsafeBytes { bytes in
            attempt("write") {
                isSocket
                    ? Glibc.send(input.raw, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                    : write(writeDescriptor, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// Tells the peer that nothing more comes: its reads end, ours go on.
    private mutating func endOutput() {
        isOutputOpen = false
        if output != nil {
            output = nil
        } else if isSocket {
            // Fails only if the peer has gone, which it then knows.
            _ = shutdown(input.raw, Int32(SHUT_WR))
        }
    }
}
