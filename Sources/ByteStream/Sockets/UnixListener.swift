internal import CLinux
internal import Glibc
internal import Synchronization

/// A listening Unix socket with a thread of its own, which takes a connection from the kernel's
/// line only while somebody waits in ``accept()``.
///
/// For processes without a libuv loop. The listener owns the descriptor but not the path: whoever
/// holds the lock that allowed it to listen removes the file.
package final class UnixListener: Sendable {
    private let service: Service

    /// Listens at `path` (see ``UnixSocket/listen(path:)``).
    package init(path: String, name: String = "listener") throws(StreamError) {
        service = try Service(try UnixSocket.listen(path: path))
        let service = service
        try NativeThread.start(name: name) { service.serve() }
    }

    deinit { service.requestClose() }

    /// Waits for the next connection. One task waits at a time.
    ///
    /// - Throws: ``StreamError``: errno 0 once closed, `EMFILE` and its like where the process
    ///   holds too much (the listener goes on: wait before the next try); `CancellationError`.
    package nonisolated(nonsending) func accept() async throws -> DescriptorStream {
        let raw = try await service.accept()
        return try DescriptorStream(OwnedDescriptor(adopting: raw))
    }

    /// Stops listening and fails who waits. Connections that were accepted go on.
    package nonisolated(nonsending) func close() async {
        service.requestClose()
        await service.end.wait()
    }
}

/// What the listener and its thread share.
private final class Service: Sendable {
    let end = Gate()
    private let waker: WakeDescriptor
    private let state: Mutex<State>

    fileprivate struct State: ~Copyable {
        /// Until the thread has closed it.
        var listener: OwnedDescriptor?
        var waiting: CheckedContinuation<Int32, any Error>?
        var isClosing = false
    }

    init(_ listener: consuming OwnedDescriptor) throws(StreamError) {
        waker = try WakeDescriptor()
        state = Mutex(State(listener: consume listener))
    }

    nonisolated(nonsending) func accept() async throws -> Int32 {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isClosing = state.withLock { state in
                    precondition(state.waiting == nil, "one task accepts at a time")
                    if !state.isClosing { state.waiting = continuation }
                    return state.isClosing
                }
                if isClosing { continuation.resume(throwing: StreamError.closed("accept")) }
                // The handler may have come before there was something to cancel.
                if Task.isCancelled { cancel() } else { waker.wakePump() }
            }
        } onCancel: {
            cancel()
        }
    }

    private func cancel() {
        let waiting = state.withLock { $0.waiting.take() }
        waiting?.resume(throwing: CancellationError())
    }

    func requestClose() {
        let waiting = state.withLock { state in
            state.isClosing = true
            return state.waiting.take()
        }
        waiting?.resume(throwing: StreamError.closed("accept"))
        waker.wakePump()
    }

    func serve() {
        while true {
            waker.reset()
            let step = state.withLock { $0.step() }
            switch step {
            case .closed: return end.open()
            case .accepted(let continuation, let result): continuation.resume(with: result)
            case .wait(let descriptor):
                var polls = [
                    pollfd(fd: waker.raw, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                ]
                // Interrupted or not, the loop looks again.
                _ = poll(&polls, nfds_t(polls.count), -1)
            }
        }
    }
}

private enum ListenerStep {
    /// The descriptor is closed.
    case closed
    case accepted(CheckedContinuation<Int32, any Error>, Result<Int32, any Error>)
    /// For a connection, or with −1 only for somebody who wants one.
    case wait(Int32)
}

extension Service.State {
    /// What the thread does next.
    fileprivate mutating func step() -> ListenerStep {
        if isClosing { listener = nil }
        guard let raw = listenerDescriptor else { return .closed }
        guard let continuation = waiting else { return .wait(-1) }
        switch acceptOnce() {
        case .success(nil): return .wait(raw)
        case .success(let connection?): return done(continuation, .success(connection))
        case .failure(let error): return done(continuation, .failure(error))
        }
    }

    private mutating func done(
        _ continuation: CheckedContinuation<Int32, any Error>, _ result: Result<Int32, any Error>
    ) -> ListenerStep {
        waiting = nil
        return .accepted(continuation, result)
    }

    private var listenerDescriptor: Int32? {
        switch listener {
        case .some(let listener): listener.raw
        case nil: nil
        }
    }

    private func acceptOnce() -> Result<Int32?, StreamError> {
        Result { () throws(StreamError) in
            switch listener {
            case .some(let listener): try UnixSocket.accept(from: listener)?.release()
            case nil: nil
            }
        }
    }
}
