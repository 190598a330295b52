import ByteStream
import Glibc
import TestSupport
import Testing

/// What every stream does, in memory or through the kernel.
@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    enum Kind: CaseIterable, Sendable { case memory, sockets, pipes }

    private func pair(_ kind: Kind) throws -> (any ByteStream, any ByteStream) {
        switch kind {
        case .memory: return MemoryStream.pair()
        case .sockets: return try socketStreams()
        case .pipes:
            var there: [Int32] = [-1, -1]
            var back: [Int32] = [-1, -1]
            try systemCall("pipe") { pipe(&there) }
            try systemCall("pipe") { pipe(&back) }
            return (
                try DescriptorStream(
                    reading: OwnedDescriptor(adopting: back[0]),
                    writing: OwnedDescriptor(adopting: there[1])),
                try DescriptorStream(
                    reading: OwnedDescriptor(adopting: there[0]),
                    writing: OwnedDescriptor(adopting: back[1]))
            )
        }
    }

    @Test(arguments: Kind.allCases)
    func randomChunksArriveUnchangedBothWays(_ kind: Kind) async throws {
        var random = SeededGenerator.forTest()
        let (one, other) = try pair(kind)
        let seeds = (random.next(), random.next())
        let total = 8 << 20
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (writer, reader, seed) in [(one, other, seeds.0), (other, one, seeds.1)] {
                group.addTask { try await send(total, seed, to: writer) }
                group.addTask { try await expect(total, seed, from: reader) }
            }
            try await group.waitForAll()
        }
        await one.close()
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func theLastWordsBeforeACloseArrive(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        let words = [UInt8](repeating: 9, count: 700_000)
        async let heard = other.readToEnd()
        try await one.write(words)
        await one.close()
        #expect(try await heard == words)
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func closeWakesPendingReadAndWrite(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        let reader = Task { try await one.read(atMost: 10) }
        let writer = Task {
            while true { try await one.write([UInt8](repeating: 0, count: 1 << 20)) }
        }
        try await eventually("both sides are full") { isStuck(one, other) }
        await one.close()
        await #expect(throws: StreamError(operation: "read", errno: 0)) { try await reader.value }
        await #expect(throws: StreamError(operation: "write", errno: 0)) {
            _ = try await writer.value
        }
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func closeTwiceAndLateCallsFail(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        await one.close()
        await one.close()
        await #expect(throws: StreamError.self) { try await one.read(atMost: 1) }
        await #expect(throws: StreamError.self) { try await one.write([1]) }
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func aPeerThatHasGoneEndsReadsAndBreaksWrites(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        await other.close()
        #expect(try await one.read(atMost: 10).isEmpty)
        await #expect {
            while true { try await one.write([UInt8](repeating: 0, count: 4096)) }
        } throws: { ($0 as? StreamError)?.errno == EPIPE }
        await one.close()
    }

    @Test(arguments: Kind.allCases)
    func aStalledReaderHoldsItsBoundAndStopsTheWriter(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        let written = Shared(0)
        let writer = Task {
            while written.value < 16 << 20 {
                try await one.write([UInt8](repeating: 5, count: 100_000))
                written.update { $0 += 100_000 }
            }
            await one.close()
        }
        try await eventually("both sides are full") { isStuck(one, other) }
        for _ in 0..<1000 {
            await Task.yield()
            #expect(buffered(other).inbound <= 1 << 20)
            #expect(buffered(one).outbound <= 1 << 20)
        }
        // Both buffers and the kernel's (208 KiB for a socket, 64 KiB for a pipe).
        #expect(written.value <= (2 << 20) + (512 << 10))
        let all = try await other.readToEnd()
        #expect(all.count == written.value)
        #expect(all.allSatisfy { $0 == 5 })
        _ = try await writer.value
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func aCancelledReadEndsWithCancellation(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        let reader = Task { try await one.read(atMost: 10) }
        await Task.yield()
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        await #expect { try await one.read(atMost: 10) } throws: {
            ($0 as? StreamError)?.errno == ECANCELED
        }
        await one.close()
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func aCancelledWriteEndsWithCancellation(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        let writer = Task {
            while true { try await one.write([UInt8](repeating: 0, count: 1 << 20)) }
        }
        try await eventually("both sides are full") { isStuck(one, other) }
        writer.cancel()
        await #expect(throws: CancellationError.self) { _ = try await writer.value }
        await #expect { try await one.write([1]) } throws: {
            ($0 as? StreamError)?.errno == ECANCELED
        }
        await one.close()
        await other.close()
    }

    @Test(arguments: Kind.allCases)
    func aFinishedWriterStillReads(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        try await one.write([1, 2, 3])
        finishWriting(one)
        #expect(try await other.readToEnd() == [1, 2, 3])
        try await other.write([4, 5])
        await other.close()
        #expect(try await one.readToEnd() == [4, 5])
        await #expect(throws: StreamError(operation: "write", errno: 0)) {
            try await one.write([1])
        }
        await one.close()
    }

    @Test(arguments: Kind.allCases)
    func anEmptyWriteIsNotAnEnd(_ kind: Kind) async throws {
        let (one, other) = try pair(kind)
        try await one.write([])
        try await one.write([1])
        #expect(try await other.read(atMost: 10) == [1])
        await one.close()
        await other.close()
    }
}

private func buffered(_ stream: any ByteStream) -> (inbound: Int, outbound: Int) {
    switch stream {
    case let stream as MemoryStream: stream.buffered
    case let stream as DescriptorStream: stream.buffered
    default: preconditionFailure("a stream that these tests do not know")
    }
}

/// Whether a writer of `one` has filled it and `other`, so that it waits or is about to.
private func isStuck(_ one: any ByteStream, _ other: any ByteStream) -> Bool {
    buffered(one).outbound > 1 << 19 && buffered(other).inbound > 3 << 18
}

private func finishWriting(_ stream: any ByteStream) {
    switch stream {
    case let stream as MemoryStream: stream.finishWriting()
    case let stream as DescriptorStream: stream.finishWriting()
    default: preconditionFailure("a stream that these tests do not know")
    }
}

@Suite struct DescriptorHygiene {
    /// In a process of its own, since other tests open descriptors beside it.
    @Test func streamsLeaveNeitherDescriptorsNorThreads() async {
        await #expect(processExitsWith: .success) {
            // The first streams make the runtime open descriptors of its own.
            try await useStreams()
            try await eventually("the first are gone") { try census().threads == 0 }
            let before = try census().descriptors
            for _ in 0..<50 { try await useStreams() }
            try await eventually("all are gone") { try census() == (before, 0) }
        }
    }
}

/// Opens two pairs of streams and ends them in the two ways there are: by hand, and by dropping.
private func useStreams() async throws {
    for isClosed in [true, false] {
        let (one, other) = try socketStreams()
        try await one.write([1])
        _ = try await other.read(atMost: 1)
        if isClosed {
            await one.close()
            await other.close()
        }
    }
}

/// How many descriptors and how many of our threads this process has.
private func census() throws -> (descriptors: Int, threads: Int) {
    let threads = try entries(of: "/proc/self/task").filter { task in
        guard let file = fopen("/proc/self/task/\(task)/comm", "r") else { return false }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 32)
        return fgets(&line, 32, file) != nil && strncmp(line, "stream", 6) == 0
    }
    return (try entries(of: "/proc/self/fd").count, threads.count)
}

private func entries(of path: String) throws -> [String] {
    guard let directory = opendir(path) else { throw StreamError(operation: path, errno: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
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
