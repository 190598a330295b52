import Foundation
import Testing
import Lab

/// Whatever of the engine or of the product is killed: init in the container is the witness.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct ContainerFaultTests {
    /// What can be lost while the command runs.
    enum Loss: String, CaseIterable, Sendable {
        case monitor, agent, supervisor, coordinator, all
    }

    @Test func outputAndExitCodeOutliveTheLossOfEveryPart() async throws {
        try await ContainerHome.use { home in
            for loss in Loss.allCases {
                var home = home
                home.work = "\(home.base)/work-\(loss)"
                try await lose(loss, home)
            }
        }
    }

    private func lose(_ loss: Loss, _ home: ShuntHome) async throws {
        let others = home.containerNames
        let job = try CountingJob(inContainer: home)
        let run = try await job.start(["--image", TestImage.name], untilLine: 20)
        let container = try #require(home.containerNames.subtracting(others).first)
        if loss == .monitor || loss == .all {
            let monitor = try #require(home.monitor(of: container))
            #expect(kill(monitor, SIGKILL) == 0)
        }
        let parts: Set<Part> =
            switch loss {
            case .monitor: []
            case .agent: [.agent]
            case .supervisor: [.supervisor]
            case .coordinator: [.coordinator]
            case .all: Set(Part.replaceable)
            }
        #expect(home.kill9(parts) == parts.count, "\(loss)")
        let outcome = await run.outcome(within: .seconds(120))
        try await job.expectRanOnce(outcome, "\(loss)")
        try await home.expectNoContainers()
    }

    /// While the engine is starting the container: killed alone, or with the supervisor that would
    /// try again. However it was caught, the command runs once.
    @Test func aStartThatIsCutShortIsMadeAnew() async throws {
        try await ContainerHome.use { home in
            for delay in [0, 60, 120, 200, 300] {
                for withSupervisor in [false, true] {
                    let what = "after \(delay) ms, with the supervisor: \(withSupervisor)"
                    var home = home
                    home.work = "\(home.base)/work-\(delay)-\(withSupervisor)"
                    try await cutStart(home, withSupervisor, after: delay, "\(what)")
                }
            }
        }
    }

    private func cutStart(
        _ home: ShuntHome, _ withSupervisor: Bool, after delay: Int, _ what: Comment
    ) async throws {
        var job = try CountingJob(inContainer: home)
        // What it does is no part of its start.
        (job.lines, job.files) = (3, 2)
        let run = try job.start(["--image", TestImage.name])
        let begun = await eventually(within: .seconds(60)) {
            starting(home) != nil || run.hasEnded
        }
        #expect(begun, "\(run.errorsSoFar)")
        // A moment in the middle of the start: nothing tells of those.
        usleep(UInt32(delay) * 1000)
        if let engine = starting(home) { kill(engine, SIGKILL) }
        if withSupervisor { home.kill9([.supervisor]) }
        let outcome = await run.outcome(within: .seconds(120))
        try await job.expectRanOnce(outcome, what)
        try await home.expectNoContainers()
    }

    @Test func aJobWhoseMonitorIsDeadCanBeCancelled() async throws {
        try await ContainerHome.use { home in
            let id = try await home.submit(
                "sh", "-c", "echo up; sleep 1000", options: ["--image", TestImage.name])
            let runs = try await eventually(within: .seconds(60)) {
                try await home.run("logs", id).text == "up\n"
            }
            #expect(runs)
            let container = try #require(home.containerNames.first)
            #expect(kill(try #require(home.monitor(of: container)), SIGKILL) == 0)
            #expect(try await home.run("cancel", "--now", id).code == 0)
            #expect(try await home.run("wait", id).text.contains("137"))
            try await home.expectNoContainers()
        }
    }

    /// The witness itself: the job is lost, and nothing of it lives.
    @Test func withoutItsInitAJobIsLost() async throws {
        try await ContainerHome.use { home in
            let id = try await home.submit(
                "sh", "-c", "echo up; sleep 1000", options: ["--image", TestImage.name])
            let runs = try await eventually(within: .seconds(60)) {
                try await home.run("logs", id).text == "up\n"
            }
            #expect(runs)
            #expect(home.kill9([.initProcess]) == 1)
            _ = try await home.run("wait", id)
            #expect(try await home.inspect(id)["state"].string == "lost")
            try await home.expectNoContainers()
        }
    }

    /// podman on its way to a container of this home.
    private func starting(_ home: ShuntHome) -> pid_t? {
        ProcessTable.processes(naming: home.root).first {
            $0.command.first?.hasSuffix("podman") == true && $0.command.contains("run")
        }?.pid
    }
}

extension CountingJob {
    /// One that leaves its marks in its own directory: the container has no other of the host.
    init(inContainer home: ShuntHome) throws {
        try self.init(home)
        mark = "starts"
        seen = home.path("starts")
    }
}
