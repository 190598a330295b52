internal import Glibc

/// A file descriptor with one owner: it is closed when its owner goes, exactly once.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// For system calls while the owner lives; never kept beyond it.
    package let raw: Int32

    /// Takes over `raw`, which nobody else may close from now on.
    package init(adopting raw: Int32) {
        precondition(raw >= 0, "a descriptor is not negative")
        self.raw = raw
    }

    /// Gives the descriptor to a caller that closes it itself (or hands it to a child).
    package consuming func release() -> Int32 {
        let descriptor = raw
        discard self
        return descriptor
    }

    /// Makes calls on it return `EAGAIN` where they would wait.
    package func setNonBlocking() throws(StreamError) {
        let flags = try systemCall("fcntl") { fcntl(raw, F_GETFL) }
        try systemCall("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
    }

    /// Whether it is a socket, which takes `send` and its flags where a pipe takes `write`.
    package var isSocket: Bool {
        var status = stat()
        return fstat(raw, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    deinit {
        // On Linux the descriptor is gone whatever `close` returns, EINTR included: calling it
        // again could close what another thread has just opened.
        _ = Glibc.close(raw)
    }
}
