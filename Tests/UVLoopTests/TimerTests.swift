import ByteStream
import TestSupport
import Testing
import UVLoop

@Suite(.timeLimit(.minutes(1))) struct TimerTests {
    @Test func timersFireInTheOrderOfTheirDeadlines() async throws {
        var random = SeededGenerator.forTest()
        let delays = (0..<50).map { _ in Int.random(in: 0...40, using: &random) }
        try await withLoop { loop in
            let fired = Shared<[Int]>([])
            let timers = OnLoop<[UVTimer]>(loop)
            try await loop.perform {
                var made: [UVTimer] = []
                for (index, delay) in delays.enumerated() {
                    let timer = try UVTimer(on: loop) { fired.update { $0.append(index) } }
                    timer.start(after: .milliseconds(delay))
                    made.append(timer)
                }
                timers.set(made)
            }
            try await eventually("all have fired") { fired.value.count == delays.count }
            try await loop.perform { timers.use { for timer in $0 { timer.close() } } }
            let times = fired.value.map { delays[$0] }
            // Starting fifty takes time: a millisecond that passes meanwhile may swap neighbours.
            for (earlier, later) in zip(times, times.dropFirst()) {
                #expect(earlier <= later + 5)
            }
        }
    }

    @Test func timersOfOneMomentFireInTheOrderOfTheirStart() async throws {
        try await withLoop { loop in
            let fired = Shared<[Int]>([])
            let timers = OnLoop<[UVTimer]>(loop)
            try await loop.perform {
                timers.set(
                    try (0..<100).map { number in
                        let timer = try UVTimer(on: loop) { fired.update { $0.append(number) } }
                        timer.start(after: .zero)
                        return timer
                    })
            }
            try await eventually("all have fired") { fired.value.count == 100 }
            #expect(fired.value == Array(0..<100))
            try await loop.perform { timers.use { for timer in $0 { timer.close() } } }
        }
    }

    @Test func aRepeatingTimerGoesOnUntilItIsStopped() async throws {
        try await withLoop { loop in
            let count = Shared(0)
            let timer = OnLoop<UVTimer>(loop)
            try await loop.perform {
                let made = try UVTimer(on: loop) {
                    count.update { $0 += 1 }
                    if count.value == 5 { timer.use { $0.stop() } }
                }
                made.start(after: .zero, every: .milliseconds(1))
                timer.set(made)
            }
            try await eventually("it has fired five times") { count.value == 5 }
            try await loop.sleep(for: .milliseconds(20))
            #expect(count.value == 5)
            try await loop.perform { timer.use { $0.close() } }
        }
    }

    @Test func aSleepIsNeverShort() async throws {
        try await withLoop { loop in
            for microseconds in [0, 1, 400, 1500, 10_000] {
                let start = SuspendingClock.now
                try await loop.sleep(for: .microseconds(microseconds))
                #expect(SuspendingClock.now - start >= .microseconds(microseconds))
            }
        }
    }

    @Test func aCancelledSleepEndsAtOnce() async throws {
        try await withLoop { loop in
            let start = ContinuousClock.now
            let sleeper = Task { try await loop.sleep(for: .seconds(1000)) }
            let lease = Task {
                try await loop.sleep(
                    untilSteadyMilliseconds: SystemClock.steadyMilliseconds() + 1_000_000)
            }
            try await loop.perform {}
            sleeper.cancel()
            lease.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
            await #expect(throws: CancellationError.self) { try await lease.value }
            let cancelled = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await loop.sleep(for: .seconds(1000))
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test func aBootTimerFiresAtItsMomentAndNotBefore() async throws {
        try await withLoop { loop in
            let fired = Shared<[Int64]>([])
            let timer = OnLoop<BootTimer>(loop)
            let moment = SystemClock.steadyMilliseconds() + 30
            try await loop.perform {
                let made = try BootTimer(on: loop) {
                    fired.update { $0.append(SystemClock.steadyMilliseconds()) }
                }
                try made.arm(atSteadyMilliseconds: moment)
                timer.set(made)
            }
            try await eventually("it has fired") { !fired.value.isEmpty }
            #expect(fired.value[0] >= moment)
            try await loop.sleep(for: .milliseconds(10))
            #expect(fired.value.count == 1)
            // A moment that has passed is now; a disarmed timer is silent.
            try await loop.perform { try timer.use { try $0.arm(atSteadyMilliseconds: 0) } }
            try await eventually("it has fired again") { fired.value.count == 2 }
            try await loop.perform {
                try timer.use {
                    try $0.arm(atSteadyMilliseconds: SystemClock.steadyMilliseconds() + 5)
                    try $0.disarm()
                }
            }
            try await loop.sleep(for: .milliseconds(20))
            #expect(fired.value.count == 2)
            try await loop.perform { timer.use { $0.close() } }
        }
    }
}
