import Testing

@testable import JobModel

struct WaitingReasonTests {
    var situation = QueueSituation()

    @Test mutating func whereThereIsNoWorkerThatIsWhy() {
        situation.enqueue(1000)
        situation.enqueue(1000, on: "gone")
        #expect(situation.reason() == WaitingReason(.workerUnknown, "there is no worker"))
        situation.add("a", 1000)
        #expect(
            situation.reason(1)
                == WaitingReason(.workerUnknown, "its worker does not exist any more"))
    }

    @Test mutating func theWorkerThatIsAwayIsNamed() {
        situation.add("a", 8000)
        situation.add("b", 8000, connected: false)
        situation.enqueue(1000, on: "b")
        #expect(situation.reason() == WaitingReason(.workerUnreachable, "`b` is not reachable"))
    }

    @Test mutating func aBackOffIsToldInSecondsRoundedUp() {
        situation.add("a", 8000)
        situation.enqueue(1000, notBefore: 1)
        situation.enqueue(1000, notBefore: 2001)
        #expect(
            situation.reason()
                == WaitingReason(.backingOff, "the worker refused it; tried again in 1 s"))
        #expect(situation.reason(1).message.hasSuffix("in 3 s"))
    }

    @Test mutating func whatIsTooLargeForThoseThatCanBeReachedSaysSo() {
        situation.add("a", 2000)
        situation.add("b", 8000, connected: false)
        situation.enqueue(4000)
        #expect(
            situation.reason()
                == WaitingReason(
                    .tooLarge, "needs 4 CPUs, more than any reachable worker has in all"))
    }

    @Test mutating func thoseAheadAreCountedWhereThereWouldBeRoom() {
        situation.add("a", 8000)
        situation.enqueue(1000)
        #expect(
            situation.reason(ahead: 1) == WaitingReason(.behindOthers, "1 job is ahead of it"))
        #expect(situation.reason(ahead: 12).message == "12 jobs are ahead of it")
    }

    @Test mutating func aBusyWorkerIsNamedWithWhatItHasLeft() {
        // Too small to be what the job waits for, though it comes first.
        situation.add("a", 1000)
        situation.add(
            "b", 8000, 16, reserved: Sample.resources(5000, 2), foreign: Sample.resources(1000, 6))
        situation.enqueue(4000, 4)
        let words = "needs 4 CPUs, 4.0 GiB; 2 CPUs, 8.0 GiB of 8 CPUs, 16 GiB is free on `b`"
        #expect(situation.reason() == WaitingReason(.workerBusy, words))
        #expect(situation.reason(ahead: 1).message == words + ", 1 job ahead")
        #expect(situation.reason(ahead: 2).message == words + ", 2 jobs ahead")
    }

    @Test func theCodesAreWhatScriptsRead() {
        #expect(
            WaitingReason.Code.allCases.map(\.rawValue) == [
                "worker_unreachable", "worker_unknown", "too_large", "worker_busy",
                "behind_others", "backing_off",
            ])
    }
}
