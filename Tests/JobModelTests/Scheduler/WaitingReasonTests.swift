import Testing

@testable import JobModel

struct WaitingReasonTests {
    var situation = QueueSituation()

    /// Whether the words of a reason hold what a person needs to know: names and amounts.
    static func says(_ reason: WaitingReason, _ code: WaitingReason.Code, _ facts: String...)
        -> Bool
    {
        reason.code == code && facts.allSatisfy { reason.message.contains($0) }
    }

    @Test mutating func whereThereIsNoWorkerThatIsWhy() {
        situation.enqueue(1000)
        situation.enqueue(1000, on: "gone")
        #expect(Self.says(situation.reason(), .workerUnknown, "no worker"))
        situation.add("a", 1000)
        #expect(Self.says(situation.reason(1), .workerUnknown, "not exist"))
    }

    @Test mutating func theWorkerThatIsAwayIsNamed() {
        situation.add("a", 8000)
        situation.add("b", 8000, connected: false)
        situation.enqueue(1000, on: "b")
        #expect(Self.says(situation.reason(), .workerUnreachable, "`b`", "not reachable"))
    }

    @Test mutating func aBackOffIsToldInSecondsRoundedUp() {
        situation.add("a", 8000)
        situation.enqueue(1000, notBefore: 1)
        situation.enqueue(1000, notBefore: 2001)
        #expect(Self.says(situation.reason(), .backingOff, "refused", " 1 s"))
        #expect(Self.says(situation.reason(1), .backingOff, "refused", " 3 s"))
    }

    @Test mutating func whatIsTooLargeForThoseThatCanBeReachedSaysSo() {
        situation.add("a", 2000)
        situation.add("b", 8000, connected: false)
        situation.enqueue(4000)
        #expect(Self.says(situation.reason(), .tooLarge, "4 CPUs", "reachable"))
    }

    @Test mutating func thoseAheadAreCountedWhereThereWouldBeRoom() {
        situation.add("a", 8000)
        situation.enqueue(1000)
        #expect(Self.says(situation.reason(ahead: 1), .behindOthers, "1 job is ahead"))
        #expect(Self.says(situation.reason(ahead: 12), .behindOthers, "12 jobs are ahead"))
    }

    @Test mutating func aBusyWorkerIsNamedWithWhatItHasLeft() {
        // Too small to be what the job waits for, though it comes first.
        situation.add("a", 1000)
        situation.add(
            "b", 8000, 16, reserved: Sample.resources(5000, 2), foreign: Sample.resources(1000, 6))
        situation.enqueue(4000, 4)
        let facts = (needs: "needs 4 CPUs, 4.0 GiB", free: "2 CPUs, 8.0 GiB", worker: "`b`")
        #expect(
            Self.says(situation.reason(), .workerBusy, facts.needs, facts.free, facts.worker))
        #expect(!situation.reason().message.contains("ahead"))
        #expect(Self.says(situation.reason(ahead: 1), .workerBusy, facts.free, "1 job ahead"))
        #expect(Self.says(situation.reason(ahead: 2), .workerBusy, facts.free, "2 jobs ahead"))
    }

    @Test func theCodesAreWhatScriptsRead() {
        #expect(
            WaitingReason.Code.allCases.map(\.rawValue) == [
                "worker_unreachable", "worker_unknown", "too_large", "no_engine",
                "no_environment", "no_data", "forbidden", "waits_for_jobs",
                "worker_busy", "worker_drained",
                "behind_others", "backing_off", "comparing_workers",
            ])
    }
}
