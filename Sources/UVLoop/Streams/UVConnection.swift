internal import ByteStream
internal import Glibc

/// What a ``UVStream`` and its loop share. While it is open, the callback of its poll handle keeps
/// it alive; closing the handle ends that.
final class UVConnection: PumpWaker {
    let inbound: BoundedByteQueue
    let outbound: BoundedByteQueue
    /// Opens when the descriptor is closed.
    let end = Gate()

    private let loop: UVLoop
    private let confined: LoopConfined<Confined>

    /// What only the loop's thread touches.
    private struct Confined: ~Copyable {
        /// Until the connection is let go.
        var pump: DescriptorPump?
        var poll: UVPoll?
        /// Set while a close waits for the peer to take what stands.
        var linger: UVTimer?
        var isClosing = false
    }

    init(
        _ pump: consuming DescriptorPump, _ inbound: BoundedByteQueue,
        _ outbound: BoundedByteQueue, on loop: UVLoop
    ) {
        self.inbound = inbound
        self.outbound = outbound
        self.loop = loop
        confined = LoopConfined(Confined(pump: consume pump), on: loop)
    }

    func start() throws(StreamError) {
        guard loop.post({ self.startOnLoop() }) else {
            throw StreamError(operation: "open a stream on a loop that has ended", errno: ECANCELED)
        }
    }

    func wakePump() {
        // The pump itself never calls this, so that a task on the loop finds it at rest and its
        // bytes go out without another turn of the loop.
        if loop.isOnLoop { turn() } else { loop.post { self.turn() } }
    }

    func requestClose() {
        inbound.abandon()
        outbound.finish()
        let isPosted = loop.post { self.closeOnLoop() }
        // The loop has ended: nobody uses the descriptor, which goes with the last reference.
        if !isPosted { end.open() }
    }

    // MARK: On the loop

    private func startOnLoop() {
        do throws(StreamError) {
            let descriptor = confined.withValue { $0.pump?.readDescriptor }
            guard let descriptor else { return }
            let poll = try UVPoll(descriptor, on: loop) { self.turn(isReadable: $0) }
            poll.onLoopEnd = { self.letGo(nil) }
            confined.withValue { $0.poll = poll }
            turn()
        } catch {
            letGo(error)
        }
    }

    /// Moves bytes and says what to wait for.
    private func turn(isReadable: Bool = false) {
        do throws(StreamError) {
            let isDone = try confined.withValue { confined throws(StreamError) in
                guard let poll = confined.poll, !poll.isClosed else { return false }
                let interest = confined.pump?.transfer(isReadable: isReadable) ?? []
                try poll.watch(interest)
                return confined.isClosing && outbound.isDrained
            }
            if isDone { letGo(nil) }
        } catch {
            letGo(error)
        }
    }

    private func closeOnLoop() {
        let isFirst = confined.withValue { confined in
            guard confined.pump != nil, !confined.isClosing else { return false }
            confined.isClosing = true
            confined.pump?.stopReading()
            return true
        }
        guard isFirst else { return }
        do throws(StreamError) {
            let timer = try UVTimer(on: loop) { self.letGo(nil) }
            timer.onLoopEnd = { self.letGo(nil) }
            timer.start(after: StreamLimits.linger)
            confined.withValue { $0.linger = timer }
            turn()
        } catch {
            letGo(error)
        }
    }

    /// Closes everything, and tells whoever waits. May be called more than once.
    private func letGo(_ error: StreamError?) {
        confined.withValue { confined in
            confined.linger?.close()
            confined.linger = nil
            confined.poll?.close()
            confined.poll = nil
            confined.pump = nil
        }
        inbound.fail(error ?? StreamError(operation: "read", errno: 0))
        outbound.refuse(error ?? StreamError(operation: "write", errno: 0))
        end.open()
    }
}
