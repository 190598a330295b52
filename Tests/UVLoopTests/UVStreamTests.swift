import ByteStream
import Glibc
import TestSupport
import Testing
import UVLoop

@Suite(.timeLimit(.minutes(2))) struct UVStreamTests {
    /// Above the 1 MiB of the peer and some 240 KB of the kernel, so that a part stands here, and
    /// below what is accepted in any case: a peer stops reading at three quarters of its bound,
    /// and a writer that had to wait goes on when half of ours is free.
    private static let moreThanPeerAndKernelHold = 1_400_000

    private func withPair(
        _ body: @Sendable (UVStream, DescriptorStream) async throws -> Void
    ) async throws {
        try await withLoop { loop in
            let (here, there) = try UnixSocket.withPair { here, there in
                (try UVStream(here, on: loop), try DescriptorStream(there))
            }
            try await body(here, there)
            await here.close()
            await there.close()
        }
    }

    @Test func anEchoReturnsRandomChunksUnchanged() async throws {
        var random = SeededGenerator.forTest()
        let seed = random.next()
        try await withPair { here, there in
            let total = 16 << 20
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await echo(here) }
                group.addTask { try await send(total, seed, to: there) }
                try await expect(total, seed, from: there)
                there.finishWriting()
                try await group.waitForAll()
            }
            #expect(try await there.read(atMost: 1).isEmpty)
        }
    }

    @Test func aStalledReaderHoldsItsBoundAndStopsTheWriter() async throws {
        try await withPair { here, there in
            for (writer, reader) in [
                (here as any ByteStream, there as any ByteStream), (there, here),
            ] {
                let written = Shared(0)
                let writing = Task {
                    while written.value < 8 << 20 {
                        try await writer.write([UInt8](repeating: 5, count: 100_000))
                        written.update { $0 += 100_000 }
                    }
                }
                try await eventually("both sides are full") {
                    buffered(writer).outbound > 1 << 19 && buffered(reader).inbound > 3 << 18
                }
                for _ in 0..<1000 {
                    await Task.yield()
                    #expect(buffered(writer).outbound <= 1 << 20)
                    #expect(buffered(reader).inbound <= 1 << 20)
                }
                #expect(written.value <= (2 << 20) + (512 << 10))
                var count = 0
                while count < 8_400_000 { count += try await reader.read(atMost: 77_777).count }
                try await writing.value
                #expect(count == written.value)
            }
        }
    }

    @Test func closeWakesPendingReadAndWrite() async throws {
        try await withPair { here, there in
            let reader = Task { try await here.read(atMost: 1) }
            let writer = Task {
                while true { try await here.write([UInt8](repeating: 0, count: 1 << 20)) }
            }
            try await eventually("both sides are full") {
                here.buffered.outbound > 1 << 19 && there.buffered.inbound > 3 << 18
            }
            await here.close()
            await #expect(throws: StreamError(operation: "read", errno: 0)) {
                try await reader.value
            }
            await #expect(throws: StreamError(operation: "write", errno: 0)) {
                _ = try await writer.value
            }
        }
    }

    @Test func theLastWordsBeforeACloseArrive() async throws {
        try await withPair { here, there in
            let words = [UInt8](repeating: 3, count: Self.moreThanPeerAndKernelHold)
            try await here.write(words)
            try await eventually("the peer is full") { there.buffered.inbound > 3 << 18 }
            #expect(here.buffered.outbound > 0)
            async let closed: Void = here.close()
            var heard: [UInt8] = []
            while true {
                let bytes = try await there.read(atMost: 10_000)
                if bytes.isEmpty { break }
                heard += bytes
            }
            #expect(heard == words)
            await closed
        }
    }

    @Test func aCloseDoesNotWaitForAPeerThatReadsNothing() async throws {
        try await withPair { here, there in
            try await here.write([UInt8](repeating: 3, count: Self.moreThanPeerAndKernelHold))
            let start = ContinuousClock.now
            await here.close()
            #expect(ContinuousClock.now - start >= StreamLimits.linger)
            #expect(ContinuousClock.now - start < StreamLimits.linger + .seconds(20))
            #expect(here.buffered.outbound == 0)
            // What the kernel and the peer held still arrives.
            var count = 0
            while true {
                let bytes = try await there.read(atMost: 1 << 20)
                if bytes.isEmpty { break }
                count += bytes.count
            }
            #expect(count > 1 << 19 && count < Self.moreThanPeerAndKernelHold)
        }
    }

    @Test func aPeerThatHasGoneEndsReadsAndBreaksWrites() async throws {
        try await withPair { here, there in
            await there.close()
            let end = try await here.read(atMost: 1)
            #expect(end.isEmpty)
            let code = await errnoThrown { while true { try await here.write([1]) } }
            #expect(code == EPIPE)
        }
    }

    @Test func aPeerThatDiesWithUnreadBytesResetsTheStream() async throws {
        try await withLoop { loop in
            let (stream, raw) = try UnixSocket.withPair { here, there in
                (try UVStream(here, on: loop), there.release())
            }
            try await stream.write([1, 2, 3])
            try await eventually("it was sent") { stream.buffered.outbound == 0 }
            close(raw)
            #expect(await errnoThrown { _ = try await stream.read(atMost: 1) } == ECONNRESET)
            await stream.close()
        }
    }

    @Test func aCancelledReadEndsWithCancellation() async throws {
        try await withPair { here, _ in
            let reader = Task { try await here.read(atMost: 1) }
            await Task.yield()
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
        }
    }

    @Test func aDroppedStreamIsClosed() async throws {
        try await withLoop { loop in
            let there = try UnixSocket.withPair { here, there in
                _ = try UVStream(here, on: loop)
                return try DescriptorStream(there)
            }
            #expect(try await there.read(atMost: 1).isEmpty)
            await there.close()
        }
    }

    @Test func aClientAndAListenerTalk() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/socket"
        try await withLoop { loop in
            let listener = try UVListener(path: path, on: loop)
            for number in UInt8(0)..<20 {
                async let accepted = listener.accept()
                let client = try UVStream.connect(path: path, on: loop)
                let server = try await accepted
                #expect(server.peer?.userID == geteuid())
                try await client.write([number])
                #expect(try await server.read(atMost: 10) == [number])
                await client.close()
                #expect(try await server.read(atMost: 10).isEmpty)
                await server.close()
            }
            let waiting = Task { _ = try await listener.accept() }
            await Task.yield()
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            let pending = Task { _ = try await listener.accept() }
            await Task.yield()
            await listener.close()
            await #expect(throws: StreamError(operation: "accept", errno: 0)) {
                try await pending.value
            }
            let code = await errnoThrown { _ = try UnixSocket.connect(path: path) }
            #expect(code == ECONNREFUSED)
        }
    }

    @Test func aPathThatIsTooLongIsRefused() async throws {
        try await withLoop { loop in
            let path = "/tmp/" + String(repeating: "x", count: 103)
            let listening = await errnoThrown { _ = try UVListener(path: path, on: loop) }
            #expect(listening == ENAMETOOLONG)
            let connecting = await errnoThrown { _ = try UVStream.connect(path: path, on: loop) }
            #expect(connecting == ENAMETOOLONG)
        }
    }
}

private func buffered(_ stream: any ByteStream) -> (inbound: Int, outbound: Int) {
    switch stream {
    case let stream as UVStream: stream.buffered
    case let stream as DescriptorStream: stream.buffered
    default: preconditionFailure("a stream that these tests do not know")
    }
}

/// Writes back what it reads until the peer has written everything.
private func echo(_ stream: UVStream) async throws {
    while true {
        let bytes = try await stream.read(atMost: 1 << 20)
        if bytes.isEmpty { return stream.finishWriting() }
        try await stream.write(bytes)
    }
}

/// Writes `total` bytes that `seed` makes, in chunks of random size.
private func send(_ total: Int, _ seed: UInt64, to stream: any ByteStream) async throws {
    var content = SeededGenerator(seed: seed)
    var sizes = SeededGenerator(seed: ~seed)
    var left = total
    while left > 0 {
        let size = min(left, randomSize(&sizes))
        try await stream.write(content.bytes(size))
        left -= size
    }
}

private func expect(_ total: Int, _ seed: UInt64, from stream: any ByteStream) async throws {
    var content = SeededGenerator(seed: seed)
    var sizes = SeededGenerator(seed: seed &+ 1)
    var left = total
    while left > 0 {
        let bytes = try await stream.read(atMost: min(left, randomSize(&sizes)))
        try #require(!bytes.isEmpty)
        try #require(bytes == content.bytes(bytes.count))
        left -= bytes.count
    }
}

/// Mostly small, at times larger than any buffer.
private func randomSize(_ random: inout SeededGenerator) -> Int {
    let bits = Int.random(in: 0...21, using: &random)
    return Int.random(in: 1...(1 << bits), using: &random)
}
