package import ByteStream
internal import Glibc
internal import Synchronization

/// A listening Unix socket on a loop, which takes a connection from the kernel's line only while
/// somebody waits in ``accept()``.
///
/// The listener owns the descriptor but not the path: whoever holds the lock that allowed it to
/// listen removes the file, and verifies the directory (its own, 0700) beforehand.
package final class UVListener: Sendable {
    private let service: ListenerService

    /// Listens at `path` (see ``UnixSocket/listen(path:)``). From any thread.
    package init(path: String, on loop: UVLoop) throws(StreamError) {
        service = ListenerService(try UnixSocket.listen(path: path), on: loop)
    }

    deinit { service.requestClose() }

    /// Waits for the next connection. One task waits at a time.
    ///
    /// - Throws: ``StreamError``: errno 0 once closed, `EMFILE` and its like where the process
    ///   holds too much (the listener goes on: wait before the next try); `CancellationError`.
    package nonisolated(nonsending) func accept() async throws -> UVStream {
        try await service.accept()
    }

    /// Stops listening and fails who waits. Connections that were accepted go on.
    package nonisolated(nonsending) func close() async {
        service.requestClose()
        await service.end.wait()
    }
}

/// What the listener and its loop share.
private final class ListenerService: Sendable {
    let end = Gate()
    private let loop: UVLoop
    private let waiting = Mutex<CheckedContinuation<UVStream, any Error>?>(nil)
    private let confined: LoopConfined<Confined>

    /// What only the loop's thread touches.
    private struct Confined: ~Copyable {
        /// Until the listener is closed.
        var listener: OwnedDescriptor?
        var poll: UVPoll?
    }

    init(_ listener: consuming OwnedDescriptor, on loop: UVLoop) {
        self.loop = loop
        confined = LoopConfined(Confined(listener: consume listener), on: loop)
    }

    nonisolated(nonsending) func accept() async throws -> UVStream {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                waiting.withLock { waiting in
                    precondition(waiting == nil, "one task accepts at a time")
                    waiting = continuation
                }
                let isPosted = loop.post { self.turn() }
                if !isPosted { finish(.failure(StreamError(operation: "accept", errno: 0))) }
                // The handler may have come before there was something to cancel.
                if Task.isCancelled { finish(.failure(CancellationError())) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }

    func requestClose() {
        let isPosted = loop.post { self.letGo() }
        if !isPosted { end.open() }
    }

    private func finish(_ result: Result<UVStream, any Error>) {
        let continuation = waiting.withLock { $0.take() }
        continuation?.resume(with: result)
    }

    // MARK: On the loop

    /// Takes a connection for whoever waits, or watches for one.
    private func turn() {
        guard waiting.withLock({ $0 != nil }) else { return unwatch() }
        do throws(StreamError) {
            if let stream = try acceptOnce() {
                finish(.success(stream))
                unwatch()
            } else {
                try watch()
            }
        } catch {
            unwatch()
            finish(.failure(error))
        }
    }

    private func acceptOnce() throws(StreamError) -> UVStream? {
        let connection: OwnedDescriptor? = try confined.withValue { confined throws(StreamError) in
            switch confined.listener {
            case .some(let listener): try UnixSocket.accept(from: listener)
            case nil: throw StreamError(operation: "accept", errno: 0)
            }
        }
        guard let connection else { return nil }
        return try UVStream(connection, on: loop)
    }

    private func watch() throws(StreamError) {
        try confined.withValue { confined throws(StreamError) in
            if confined.poll == nil {
                let descriptor: Int32
                switch confined.listener {
                case .some(let listener): descriptor = listener.raw
                case nil: return
                }
                let poll = try UVPoll(descriptor, on: loop) { _ in self.turn() }
                poll.onLoopEnd = { self.letGo() }
                confined.poll = poll
            }
            try confined.poll?.watch(.readable)
        }
    }

    private func unwatch() {
        confined.withValue { confined in
            confined.poll?.close()
            confined.poll = nil
        }
    }

    private func letGo() {
        unwatch()
        confined.withValue { $0.listener = nil }
        finish(.failure(StreamError(operation: "accept", errno: 0)))
        end.open()
    }
}
