@testable internal import AgentService
internal import JobModel
internal import Testing

/// When a supervisor ends by hand what init should have ended.
@Suite struct KillScheduleTests {
    private func time(_ seconds: Int64) -> SteadyTime { SteadyTime(milliseconds: seconds * 1000) }

    @Test func looksComeEverLessOften() {
        var schedule = KillSchedule(since: time(100))
        let due = (0..<200).map { time(100 + $0) }.filter { schedule.isDue(at: $0) }
        #expect(due == [101, 102, 104, 108, 116, 132, 162, 192, 222, 252, 282].map(time))
    }

    @Test func initHasTimeToNameSurvivorsAndToBeWoken() {
        let schedule = KillSchedule(since: time(100))
        #expect(!schedule.namesSurvivors(at: time(105)) && schedule.namesSurvivors(at: time(106)))
        #expect(!schedule.givesInitUp(at: time(111)) && schedule.givesInitUp(at: time(112)))
    }
}
