import ByteStream
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct UnixSocketTests {
    @Test func aClientAndAListenerTalk() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/socket"
        let listener = try UnixListener(path: path)
        async let accepted = listener.accept()
        let client = try DescriptorStream(try UnixSocket.connect(path: path))
        let server = try await accepted
        try await client.write(Array("hello".utf8))
        #expect(try await server.readExactly(5) == Array("hello".utf8))
        await client.close()
        #expect(try await server.read(atMost: 1).isEmpty)
        await server.close()
        await listener.close()
    }

    @Test func onlyTheOwnerMayConnect() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/socket"
        let previous = umask(0)
        let listener = try UnixSocket.listen(path: path)
        umask(previous)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
        _ = consume listener
    }

    @Test func thePeerIsThisProcess() throws {
        try UnixSocket.withPair { one, other in
            let peer = try UnixSocket.peer(of: one)
            #expect(peer.userID == geteuid())
            #expect(peer.processID == getpid())
            try UnixSocket.requireSameUser(other)
        }
    }

    @Test(arguments: [108, 200, 5000])
    func aPathThatIsTooLongIsRefused(length: Int) throws {
        let path = "/tmp/" + String(repeating: "x", count: length - 5)
        #expect { _ = try UnixSocket.listen(path: path) } throws: {
            ($0 as? StreamError)?.errno == ENAMETOOLONG
        }
        #expect { _ = try UnixSocket.connect(path: path) } throws: {
            ($0 as? StreamError)?.errno == ENAMETOOLONG
        }
    }

    @Test func aPathOfTheGreatestLengthWorks() throws {
        let directory = try TemporaryDirectory()
        let room = StreamLimits.socketPath - directory.path.utf8.count - 1
        let path = "\(directory.path)/\(String(repeating: "y", count: room))"
        let listener = try UnixSocket.listen(path: path)
        let client = try UnixSocket.connect(path: path)
        #expect(try UnixSocket.accept(from: listener) != nil)
        _ = consume client
    }

    @Test func nobodyThereIsAnErrorWithItsErrno() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/socket"
        #expect { _ = try UnixSocket.connect(path: path) } throws: {
            ($0 as? StreamError)?.errno == ENOENT
        }
        _ = try UnixSocket.listen(path: path)
        #expect { _ = try UnixSocket.connect(path: path) } throws: {
            ($0 as? StreamError)?.errno == ECONNREFUSED
        }
        #expect { _ = try UnixSocket.listen(path: path) } throws: {
            ($0 as? StreamError)?.errno == EADDRINUSE
        }
        #expect(try UnixSocket.removeSocket(path: path))
        #expect(try !UnixSocket.removeSocket(path: path))
        _ = try UnixSocket.listen(path: path)
    }

    @Test func whatIsNotASocketIsNotRemoved() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/file"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: StreamError.self) { try UnixSocket.removeSocket(path: path) }
        #expect(access(path, F_OK) == 0)
    }

    @Test func closeAndCancelWakeWhoAccepts() async throws {
        let directory = try TemporaryDirectory()
        let listener = try UnixListener(path: "\(directory.path)/socket")
        let cancelled = Task { _ = try await listener.accept() }
        await Task.yield()
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let waiting = Task { _ = try await listener.accept() }
        await Task.yield()
        await listener.close()
        await #expect(throws: StreamError(operation: "accept", errno: 0)) {
            try await waiting.value
        }
    }

    @Test func anErrorReadsAsASentence() {
        let error = StreamError(operation: "connect to `/x`", errno: ECONNREFUSED)
        #expect("\(error)" == "connect to `/x`: connection refused (errno 111)")
        #expect("\(StreamError(operation: "read", errno: 0))" == "read: the stream is closed")
    }
}
