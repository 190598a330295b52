import ByteStream
import Glibc
import Testing
import UVLoop

@Suite(.timeLimit(.minutes(3))) struct UVLoopTests {
    /// Pinned to a loop; records what runs on it.
    private actor Pinned {
        nonisolated let loop: UVLoop
        private(set) var seen: [Int] = []

        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

        init(_ loop: UVLoop) { self.loop = loop }

        func add(_ number: Int) {
            loop.preconditionOnLoop()
            seen.append(number)
        }

        func count() -> Int { seen.count }
    }

    @Test func aHundredThousandHopsKeepTheirOrder() async throws {
        try await withLoop { loop in
            let pinned = Pinned(loop)
            for number in 0..<100_000 { await pinned.add(number) }
            #expect(await pinned.seen == Array(0..<100_000))
        }
    }

    @Test func actionsOfEachThreadRunInItsOrder() async throws {
        try await withLoop { loop in
            let seen = Shared<[[Int]]>(Array(repeating: [], count: 4))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for thread in 0..<4 {
                    group.addTask {
                        for number in 0..<25_000 {
                            loop.post { seen.update { $0[thread].append(number) } }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await loop.perform {}
            #expect(seen.value.allSatisfy { $0 == Array(0..<25_000) })
        }
    }

    @Test func timersFireWhileTheLineNeverEmpties() async throws {
        try await withLoop { loop in
            let isDone = Shared(false)
            @Sendable func again() {
                if !isDone.value { loop.post { again() } }
            }
            again()
            try await loop.sleep(for: .milliseconds(5))
            isDone.update { $0 = true }
        }
    }

    @Test func aCallbackMayAssumeItsActor() async throws {
        try await withLoop { loop in
            let pinned = Pinned(loop)
            try await loop.perform { pinned.assumeIsolated { $0.add(7) } }
            #expect(await pinned.seen == [7])
        }
    }

    @Test func runBlocksTheCallingThreadUntilStopped() async throws {
        let loop = try UVLoop()
        let hasReturned = Shared(false)
        try NativeThread.start(name: "runner") {
            loop.run()
            hasReturned.update { $0 = true }
        }
        let isInside = try await loop.perform { loop.isOnLoop }
        #expect(isInside)
        #expect(!hasReturned.value)
        await loop.shutdown()
        try await eventually("run has returned") { hasReturned.value }
        #expect(!loop.post { Issue.record("it ran on a loop that has ended") })
    }

    @Test func aLoopThatNeverRanGoesQuietly() throws {
        let loop = try UVLoop()
        #expect(!loop.isOnLoop)
    }

    @Test func theEndOfALoopClosesWhatIsOpen() async throws {
        let loop = try UVLoop()
        try loop.start()
        let (one, other) = try UnixSocket.withPair { one, other in
            (try UVStream(one, on: loop), try DescriptorStream(other))
        }
        let reader = Task { try await one.read(atMost: 1) }
        let sleeper = Task { try await loop.sleep(for: .seconds(1000)) }
        let lease = Task {
            try await loop.sleep(
                untilSteadyMilliseconds: SystemClock.steadyMilliseconds() + 1_000_000)
        }
        let timer = OnLoop<UVTimer>(loop)
        try await loop.perform {
            let made = try UVTimer(on: loop) { Issue.record("it is not due") }
            made.start(after: .seconds(1000))
            timer.set(made)
        }
        await loop.shutdown()
        await #expect(throws: StreamError(operation: "read", errno: 0)) { try await reader.value }
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        await #expect(throws: CancellationError.self) { try await lease.value }
        #expect(try await other.read(atMost: 1).isEmpty)
        await one.close()
        await other.close()
        await #expect(throws: CancellationError.self) { try await loop.sleep(for: .zero) }
    }

    @Test func manyLoopsComeAndGo() async throws {
        for _ in 0..<50 {
            try await withLoop { loop in try await loop.perform {} }
        }
    }
}

@Suite struct ForgottenHandles {
    @Test func aHandleThatIsDroppedOpenEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let loop = try UVLoop()
            try loop.start()
            try await loop.perform { _ = try UVTimer(on: loop) {} }
        }
    }

    @Test func aCallFromAnotherThreadEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let loop = try UVLoop()
            try loop.start()
            _ = try UVTimer(on: loop) {}
        }
    }
}
