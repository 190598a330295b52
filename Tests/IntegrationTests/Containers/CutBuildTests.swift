import Foundation
import Lab
import Testing

/// Builds of images that do not come to their end.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct CutBuildTests {
    /// Two jobs share a build; one gives it up, then podman is killed.
    @Test func aBuildGoesOnForThoseWhoWaitAndNothingIsLeftOfOneThatWasKilled() async throws {
        try await ContainerHome.use { home in
            let build = try Build(home)
            let first = try await home.submit("true", options: ["--image", "."])
            try await build.expectRunning()
            let second = try await home.submit("true", options: ["--image", "."])
            let shares = try await eventually {
                try await home.inspect(second)["activity"].string?.contains("building") == true
            }
            #expect(shares)
            #expect(try await home.run("cancel", "--now", first).code == 0)
            #expect(try await home.run("wait", first).code == 0)
            #expect(build.engines.count == 1 && !build.steps.isEmpty)
            // Another agent builds the very same image at the same time.
            try await beside(home, build)
            for engine in build.engines { kill(engine, SIGKILL) }
            _ = try await home.run("wait", second)
            let reason = try await home.inspect(second)["reason"].string ?? ""
            #expect(reason.contains("could not be built:\npodman was killed by signal 9"))
            try await build.expectNothingLeft()
        }
    }

    /// - Parameter build: of the first home, which goes on.
    private func beside(_ home: ShuntHome, _ build: Build) async throws {
        var other = try ShuntHome()
        other.variables["CONTAINERS_CONF"] = home.variables["CONTAINERS_CONF"]
        do {
            let same = try Build(other, number: build.number)
            let id = try await other.submit("true", options: ["--image", "."])
            #expect(await eventually(within: .seconds(60)) { build.steps.count == 2 })
            for engine in same.engines { kill(engine, SIGKILL) }
            _ = try await other.run("wait", id)
            #expect(try await other.inspect(id)["state"].string == "failed")
            #expect(await eventually { build.steps.count == 1 })
            #expect(build.engines.count == 1)
        } catch {
            await other.remove()
            throw error
        }
        await other.remove()
    }

    /// The next agent ends what it finds, and begins again.
    @Test func theBuildOfAKilledAgentIsEndedAndMadeAnew() async throws {
        try await ContainerHome.use { home in
            let build = try Build(home)
            let id = try await home.submit("true", options: ["--image", "."])
            try await build.expectRunning()
            let (engines, steps) = (build.engines, build.steps)
            #expect(home.kill9([.agent]) == 1)
            let isNew = await eventually(within: .seconds(60)) {
                !build.steps.isEmpty && build.steps.allSatisfy { !steps.contains($0) }
                    && build.engines.allSatisfy { !engines.contains($0) }
            }
            #expect(isNew)
            #expect(try await home.run("cancel", "--now", id).code == 0)
            #expect(try await home.run("wait", id).code == 0)
            try await build.expectNothingLeft()
        }
    }
}

/// The build of an image that has one step, which does not end.
private struct Build {
    let home: ShuntHome
    let number: UInt64

    init(_ home: ShuntHome, number: UInt64 = UInt64.random(in: 1_000_000...9_000_000)) throws {
        self.home = home
        self.number = number
        try home.write("Containerfile", "FROM \(TestImage.name)\nRUN sleep \(number)\n")
    }

    /// podman, which builds for this home.
    var engines: [pid_t] {
        ProcessTable.processes(naming: home.root).filter { $0.command.contains("build") }
            .map(\.pid).filter(ProcessTable.isAlive)
    }

    /// What the step has started, in any home.
    var steps: [pid_t] {
        ProcessTable.processes(naming: "sleep").filter { $0.command == ["sleep", "\(number)"] }
            .map(\.pid).filter(ProcessTable.isAlive)
    }

    func expectRunning(at location: SourceLocation = #_sourceLocation) async throws {
        let runs = await eventually(within: .seconds(60)) { !steps.isEmpty }
        #expect(runs, sourceLocation: location)
    }

    /// No process, no container of buildah's, no file.
    func expectNothingLeft(at location: SourceLocation = #_sourceLocation) async throws {
        let isOver = await eventually { steps.isEmpty && engines.isEmpty }
        #expect(isOver, sourceLocation: location)
        let work = home.root + "/agent/images/making"
        let isEmpty = try await eventually {
            try FileManager.default.contentsOfDirectory(atPath: work).isEmpty
        }
        #expect(isEmpty, sourceLocation: location)
        let external = try await TestImage.shell(
            "podman ps --all --external --quiet --no-trunc")
        let states = external.split(separator: "\n").map {
            "/var/lib/containers/storage/overlay-containers/\($0)/userdata/buildah.json"
        }
        // One that has gone meanwhile is not left.
        let texts = states.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }
        #expect(!texts.contains { $0.contains("shunt-build-") }, sourceLocation: location)
    }
}
