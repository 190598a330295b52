import CoordinatorClient
import Foundation
import JobModel
import Synchronization
import Testing

@testable import ContentStore
@testable import shunt

@Suite struct FollowTests {
    private func time(_ seconds: Int64) -> SteadyTime { SteadyTime(milliseconds: seconds * 1000) }

    @Test func aSecondInterruptWithinThreeSecondsCancels() {
        var policy = InterruptPolicy()
        #expect(policy.interrupt(at: time(10), job: .running) == .signal)
        #expect(policy.interrupt(at: time(14), job: .running) == .signal)
        #expect(policy.interrupt(at: time(17), job: .running) == .cancel)
        #expect(policy.interrupt(at: time(100), job: .running) == .leave)
    }

    @Test func whatHasNoProcessYetIsCancelledAtOnce() {
        var policy = InterruptPolicy()
        #expect(policy.interrupt(at: time(1), job: .waiting) == .cancel)
        #expect(policy.interrupt(at: time(2), job: .waiting) == .leave)
    }

    @Test func afterTheJobAnInterruptOnlyEndsTheCommand() {
        var policy = InterruptPolicy()
        #expect(policy.interrupt(at: time(1), job: .over) == .leave)
    }

    /// Output and reports come by different ways, so that a view may be older than a line that was
    /// read.
    @Test func aJobThatHasSpokenRunsWhateverALateViewSays() {
        let id = JobID("7f3k2a")!
        let relay = SignalRelay(progress: ProgressDisplay(mode: .quiet))
        let staging = Samples.job(.active, phase: .staging) { $0.attempt = 1 }
        relay.note(id, Samples.job(.queued))
        #expect(relay.jobProgress == .waiting)
        relay.noteOutput()
        relay.note(id, staging)
        #expect(relay.jobProgress == .running)
        relay.note(id, Samples.job(.active, phase: .staging) { $0.attempt = 2 })
        #expect(relay.jobProgress == .waiting)
        relay.note(id, Samples.job(.active, phase: .exited) { $0.attempt = 2 })
        #expect(relay.jobProgress == .over)
    }

    @Test func everyPhaseMeetsASignalInOneWay() {
        let met = TaskPhase.allCases.map { Samples.job(.active, phase: $0).progress }
        #expect(met.filter { $0 == .running }.count == 3)
        #expect(Samples.job(.queued).progress == .waiting)
        #expect(Samples.job(.cancelled, phase: .running).progress == .over)
    }

    @Test func whileTheJobSpeaksProgressIsSilent() {
        #expect(JobProgressText.describe(Samples.job(.active, phase: .running)) == nil)
        let cut = Samples.job(.active, phase: .running) {
            $0.worker = .local
            $0.link = "unreachable for 3 m"
        }
        #expect(
            JobProgressText.describe(cut)
                == "running (worker `local` is unreachable for 3 m)")
        let waiting = Samples.job(.queued) {
            $0.waiting = WaitingReason(.workerBusy, "2 of 2 CPUs are in use")
        }
        #expect(JobProgressText.describe(waiting) == "waiting: 2 of 2 CPUs are in use")
    }

    @Test func aCommandThatEndsByItselfNeedsNoWordOfOurs() {
        let own = Samples.job(.failed) {
            $0.verdict = .failed
            $0.exit = .exited(code: 7)
        }
        #expect(JobProgressText.ending(own) == nil)
        let late = Samples.job(.failed) {
            $0.verdict = .failed
            $0.exit = .exited(code: 0)
            $0.cause = .timeout
            $0.reason = "it ran longer than 1m"
        }
        #expect(JobProgressText.ending(late) == "job 7f3k2a failed: it ran longer than 1m")
        #expect(JobProgressText.ending(Samples.job(.lost)) == "job 7f3k2a lost")
        #expect(JobProgressText.ending(Samples.job(.succeeded)) == nil)
    }

    /// What a display wrote.
    private final class Screen: Sendable {
        private let text = Mutex("")
        var content: String { text.withLock { $0 } }
        func write(_ more: String) { text.withLock { $0 += more } }
    }

    @Test func theLiveLineIsGoneBeforeAnythingElseIsPrinted() {
        let screen = Screen()
        let display = ProgressDisplay(mode: .live, width: { 40 }, write: screen.write)
        display.update("waiting")
        display.withoutLine { screen.write("OUT\n") }
        display.note("job 7f3k2a")
        #expect(
            screen.content
                == "\r\u{1b}[Kshunt: waiting\r\u{1b}[KOUT\nshunt: job 7f3k2a\n")
    }

    @Test func anOpenLineOfTheJobStaysWhateverIsSaidNext() {
        let screen = Screen()
        let display = ProgressDisplay(mode: .live, width: { 40 }, write: screen.write)
        display.withoutLine(leavesOpenLine: true) { screen.write("50%") }
        display.update("collecting")
        display.withoutLine(leavesOpenLine: true) { screen.write("a") }
        display.note("placed")
        display.endLine()
        #expect(
            screen.content
                == "50%\n\r\u{1b}[Kshunt: collecting\r\u{1b}[Ka\nshunt: placed\n")
    }

    @Test func theLiveLineFitsTheTerminalAtEachMoment() {
        let screen = Screen()
        let width = Atomic<Int>(20)
        let display = ProgressDisplay(
            mode: .live, width: { width.load(ordering: .relaxed) }, write: screen.write)
        display.update("building the environment")
        width.store(12, ordering: .relaxed)
        display.update("building the environment", detail: "1")
        #expect(
            screen.content
                == "\r\u{1b}[Kshunt: building th…\r\u{1b}[Kshunt: bui…")
    }

    @Test func whereLinesStayEachThingIsSaidOnce() {
        let screen = Screen()
        let display = ProgressDisplay(mode: .plain, width: { 80 }, write: screen.write)
        display.update("waiting", detail: "1")
        display.update("waiting", detail: "2")
        display.clear()
        display.update("running")
        #expect(screen.content == "shunt: waiting\nshunt: running\n")
    }

    @Test func quietSaysOnlyWhatWasLost() {
        let screen = Screen()
        let display = ProgressDisplay(mode: .quiet, width: { 80 }, write: screen.write)
        display.update("waiting")
        display.note("job")
        display.warn("lost")
        #expect(screen.content == "shunt: lost\n")
    }

    @Test func aTickerThatWasStoppedDrawsNothingMore() async throws {
        let screen = Screen()
        let display = ProgressDisplay(mode: .live, width: { 80 }, write: screen.write)
        let calls = Atomic<Int>(0)
        let (ticked, continuation) = AsyncStream<Void>.makeStream()
        let ticker = display.tick("snapshot") {
            continuation.yield()
            return "\(calls.add(1, ordering: .relaxed).newValue)"
        }
        for await _ in ticked { break }
        ticker.stop()
        display.clear()
        let before = screen.content
        display.note("next")
        #expect(screen.content == before + "shunt: next\n")
        #expect(before.hasSuffix("\r\u{1b}[K"))
    }

    @Test func aSilentJobHasALineThatNeverStandsBehindItsOwn() async throws {
        let screen = Screen()
        let display = ProgressDisplay(mode: .live, width: { 80 }, write: screen.write)
        display.withoutLine(leavesOpenLine: true) { screen.write("50%") }
        let (ticked, continuation) = AsyncStream<Void>.makeStream()
        let ticker = display.tickWhileSilent("running") {
            continuation.yield()
            return "3 s"
        }
        // Nothing is drawn, however long it takes, before the job ends its line.
        #expect(screen.content == "50%")
        display.withoutLine(leavesOpenLine: false) { screen.write("\n") }
        for await _ in ticked { break }
        ticker.stop()
        display.clear()
        #expect(screen.content == "50%\n\r\u{1b}[Kshunt: running, 3 s\r\u{1b}[K")
    }

    @Test func whereLinesStayARunningJobIsAnnouncedOnce() {
        let screen = Screen()
        let display = ProgressDisplay(mode: .plain, width: { 80 }, write: screen.write)
        display.tickWhileSilent("running") { "3 s" }.stop()
        display.tickWhileSilent("running") { "4 s" }.stop()
        #expect(screen.content == "shunt: running\n")
    }

    @Test func aDumbTerminalHasNoLiveLineAndNoColor() {
        #expect(TerminalTraits(isTerminal: true, term: "xterm", noColor: nil).hasColor)
        #expect(!TerminalTraits(isTerminal: true, term: "dumb", noColor: nil).isLive)
        #expect(!TerminalTraits(isTerminal: true, term: nil, noColor: nil).isLive)
        #expect(!TerminalTraits(isTerminal: false, term: "xterm", noColor: nil).isLive)
        let plain = TerminalTraits(isTerminal: true, term: "xterm", noColor: "1")
        #expect(plain.isLive && !plain.hasColor)
    }

    @Test func aConflictNamesBothFiles() {
        var report = PlacementReport()
        report.conflicts = [PlacementConflict(path: "a.txt", beside: "a.shunt-7f3k2a.txt")]
        report.refused = ["link"]
        let lines = OutputsText.warnings(report)
        #expect(lines.count == 2)
        #expect(lines[0].contains("`a.txt`") && lines[0].contains("`a.shunt-7f3k2a.txt`"))
        #expect(OutputsText.notes(report, directory: "/w").isEmpty)
    }

    @Test func aConflictOfKindsIsNotCalledAnEdit() {
        var report = PlacementReport()
        report.conflicts = [
            PlacementConflict(path: "d2f", beside: "d2f.shunt-7f3k2a", cause: .directoryHere),
            PlacementConflict(path: "f2d", beside: "f2d.shunt-7f3k2a", cause: .noDirectoryHere),
        ]
        let lines = OutputsText.warnings(report)
        #expect(lines[0].contains("`d2f` here is a directory, and the job's is not, and stays"))
        #expect(lines[1].contains("`f2d` here is no directory, and the job's is, and stays"))
    }

    @Test func aWaitThatOnlyAPersonCanEndIsToldOnceThoughQuiet() {
        let start = ContinuousClock.now
        var notice = TroubleNotice()
        let fine = Samples.job(.active) { $0.phase = .running }
        let silent = Samples.job(.active) {
            $0.phase = .running
            $0.worker = .local
            $0.link = "unreachable for 1 s"
        }
        #expect(notice.text(for: fine, at: start) == nil)
        #expect(notice.nextLook == nil)
        #expect(notice.text(for: silent, at: start) == nil)
        #expect(notice.nextLook != nil)
        // It came back by itself.
        #expect(notice.text(for: fine, at: start + .seconds(9)) == nil)
        #expect(notice.text(for: silent, at: start + .seconds(11)) == nil)
        let text = notice.text(for: silent, at: start + .seconds(21))
        #expect(text?.contains("worker `local` is unreachable for 1 s") == true)
        #expect(notice.text(for: silent, at: start + .seconds(60)) == nil)
    }

    @Test func outputsThatCannotBeStoredAreToldAtOnceThoughQuiet() {
        var notice = TroubleNotice()
        let job = Samples.job(.active) {
            $0.phase = .collecting
            $0.activity = "outputs cannot be stored yet"
        }
        #expect(notice.text(for: job, at: .now)?.contains("cannot be stored yet") == true)
        #expect(notice.text(for: job, at: .now) == nil)
    }

    @Test func deletionsAreToldAndNeverApplied() {
        let outputs = OutputSummary(
            tree: Samples.tree, fileCount: 0, totalSize: .zero, deletedCount: 1002,
            deleted: ["a\n", "b", "c", "d", "e", "f"])
        #expect(
            OutputsText.deletions(outputs)
                == "the job deleted a\\n, b, c, d, e and 997 more; nothing is deleted here")
    }

    @Test func aPullWithoutADirectoryGoesBackToWhereTheJobWasMade() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let here = Samples.job(.succeeded) { $0.inputs = Samples.inputs(directory: directory.path) }
        #expect(try PullTarget(here, into: nil).base == Samples.tree)
        #expect(try PullTarget(here, into: directory.path + "/.").base == Samples.tree)
        #expect(try PullTarget(here, into: "/tmp").base == nil)
        let gone = Samples.job(.succeeded) {
            $0.inputs = Samples.inputs(directory: directory.path + "/gone")
        }
        #expect(throws: ShuntError.self) { try PullTarget(gone, into: nil) }
        let lossy = Samples.job(.succeeded) { $0.inputs = Samples.inputs(directory: "/a\u{fffd}") }
        #expect(throws: ShuntError.self) { try PullTarget(lossy, into: nil) }
    }
}
