@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// The small records: what is written is read back, and nothing else is.
@Suite struct RecordTests {
    static let ended: EndedRecord = {
        let at = Moment(wall: WallTime(milliseconds: 12), steady: SteadyTime(milliseconds: 34))
        var record = EndedRecord(
            ending: TaskEnding(exit: .signalled(signal: 9), cause: .outOfMemory), end: at)
        record.start = at
        record.problem = "first\nsecond"
        record.killMethod = .cgroup
        record.usage.userMicroseconds = 5
        record.leftovers = 3
        record.logLength = .max
        record.droppedOutput = 1
        record.droppedErrors = 2
        record.logSyncErrno = EIO
        return record
    }()

    @Test func theLastRecordComesBack() throws {
        var expected = Self.ended
        expected.problem = "first second"
        #expect(EndedRecord(Self.ended.encoded) == expected)
        let statuses: [JobModel.ExitStatus] = [
            .exited(code: 0), .exited(code: 255), .execFailed(errno: 2), .neverStarted, .vanished,
        ]
        for status in statuses {
            let record = EndedRecord(ending: TaskEnding(exit: status), end: Self.ended.end)
            #expect(EndedRecord(record.encoded) == record)
        }
    }

    @Test func aRecordThatIsNotWholeIsNone() {
        let bytes = Self.ended.encoded
        for length in 0..<bytes.count { #expect(EndedRecord(Array(bytes.prefix(length))) == nil) }
        #expect(EndedRecord(Array("shunt-ended 2\nend\n".utf8)) == nil)
        #expect(ExitRecord(bytes) == nil)
    }

    @Test func damagedRecordsNeverTrap() throws {
        var random = SplitMix64(seed: Seed.make())
        var plan = LaunchPlan(
            token: "t", name: "n", command: .words([Array("a".utf8)]), environment: [],
            workingDirectory: Array("/".utf8), initExecutable: "/init")
        plan.maxDuration = .seconds(1)
        let launch = try LaunchFile(plan: plan, bootID: "b").encoded()
        let stop = StopRequest(
            order: StopOrder(cause: .cancel, grace: .seconds(1)),
            requestedAt: SteadyTime(milliseconds: 1)
        ).encoded
        for _ in 0..<20_000 {
            for sample in [Self.ended.encoded, launch, stop] {
                var bytes = sample
                for _ in 0...Int.random(in: 0...3, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[at] = UInt8.random(in: 0...255, using: &random)
                }
                _ = EndedRecord(bytes)
                _ = StopRequest(bytes)
                _ = LaunchFile(decoding: bytes)
            }
        }
    }

    @Test func timesThatWouldOverflowAreRefused() {
        let text = "shunt-stop 1\ncause=cancel\ngrace_ms=9223372036854775807\nat_boot_ms=1\nend\n"
        #expect(StopRequest(Array(text.utf8)) == nil)
    }

    @Test func aPlanComesBack() throws {
        var plan = LaunchPlan(
            token: "c/1/7f3k2a.1/0/ff", name: "7f3k2a.1-0",
            command: .words([Array("a b".utf8), [], [0xFF]]), environment: [Array("X=\n".utf8)],
            workingDirectory: [0x2F, 0xFE], initExecutable: "/libexec/shunt-init")
        plan.maxDuration = .minutes(3)
        plan.stopSignal = SIGINT
        plan.killPolicy = .sweep
        plan.fileModeMask = 0o077
        let file = LaunchFile(plan: plan, bootID: "boot")
        var expected = file
        expected.plan.environment.append(Array("SHUNT_TASK_TOKEN=c/1/7f3k2a.1/0/ff".utf8))
        #expect(LaunchFile(decoding: try file.encoded()) == expected)
    }

    @Test func aPlanThatCannotRunIsRefused() {
        let good = LaunchPlan(
            token: "t", name: "n", command: .words([Array("a".utf8)]), environment: [],
            workingDirectory: Array("/".utf8), initExecutable: "/init")
        func refused(_ change: (inout LaunchPlan) -> Void) -> Bool {
            var plan = good
            change(&plan)
            // Refusal is the answer that is asked for.
            return (try? LaunchFile(plan: plan, bootID: "").encoded()) == nil
        }
        #expect(!refused { _ in })
        #expect(refused { $0.command = .words([]) })
        #expect(refused { $0.command = .shell([65, 0, 66]) })
        #expect(refused { $0.environment = [Array("NOVALUE".utf8)] })
        #expect(refused { $0.workingDirectory = Array("relative".utf8) })
        #expect(
            refused { $0.environment = [Array("A=".utf8) + [UInt8](repeating: 65, count: 9 << 20)] }
        )
    }
}

/// When a stop begins and when it kills.
@Suite struct StopScheduleTests {
    let schedule = StopSchedule(maxDuration: .seconds(100), grace: .seconds(10))

    func at(_ seconds: Int64) -> SteadyTime { SteadyTime(milliseconds: seconds * 1000) }

    func request(_ grace: Int64, at time: Int64) -> StopRequest {
        StopRequest(
            order: StopOrder(cause: .cancel, grace: .seconds(grace)), requestedAt: at(time))
    }

    @Test func aLimitCountsFromTheStartOfTheCommand() {
        func next(_ now: Int64, start: Int64?) -> StopSchedule.Action {
            schedule.next(
                at: at(now), start: start.map(at), request: nil, stopping: nil)
        }
        #expect(next(500, start: nil) == .wait(until: nil))
        #expect(next(50, start: 10) == .wait(until: at(110)))
        #expect(
            next(110, start: 10)
                == .begin(StoppingRecord(cause: .timeout, deadline: at(120))))
    }

    @Test func theGracePeriodCountsFromTheRequest() {
        #expect(
            schedule.next(at: at(25), start: at(10), request: request(30, at: 20), stopping: nil)
                == .begin(StoppingRecord(cause: .cancel, deadline: at(50))))
    }

    @Test func atTheBarrierNothingIsGranted() {
        #expect(
            schedule.next(at: at(25), start: nil, request: request(30, at: 20), stopping: nil)
                == .begin(StoppingRecord(cause: .cancel, deadline: at(25))))
    }

    @Test func onlyANearerEndReplacesTheFirst() {
        let stopping = StoppingRecord(cause: .timeout, deadline: at(60))
        func next(_ request: StopRequest?, _ now: Int64) -> StopSchedule.Action {
            schedule.next(at: at(now), start: at(10), request: request, stopping: stopping)
        }
        #expect(next(request(100, at: 50), 51) == .wait(until: at(60)))
        #expect(
            next(request(0, at: 51), 51)
                == .hasten(StoppingRecord(cause: .timeout, deadline: at(51))))
        #expect(next(nil, 60) == .kill)
        #expect(next(request(100, at: 50), 61) == .kill)
    }

    @Test func aRequestFromTheFutureCountsFromNow() {
        #expect(
            schedule.next(at: at(5), start: at(1), request: request(3, at: 999), stopping: nil)
                == .begin(StoppingRecord(cause: .cancel, deadline: at(8))))
    }
}
