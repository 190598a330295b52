import Foundation
import Lab
import Testing

/// Jobs of several nodes, on workers behind real sshds.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason))
struct GangJobTests {
    /// A home with two workers, `lab.name` and the other one.
    private func withTwoWorkers(
        _ body: (RemoteLab, LabHost) async throws -> Void
    ) async throws {
        var options = LabHost.Options()
        options.alias = "other"
        let other = try LabHost(options)
        defer { other.remove() }
        try await RemoteLab.use(isEnrolled: false) { lab in
            try lab.configure([lab.host.entry, other.entry])
            try await lab.add(lab.name)
            try await lab.add(other.alias)
            try await body(lab, other)
        }
    }

    private func run(
        _ lab: RemoteLab, _ other: LabHost, _ words: [String]
    ) async throws -> Outcome {
        try await lab.home.run(
            ["run", "--on", "\(lab.name),\(other.alias)", "--nodes", "2"] + words)
    }

    @Test func severalNodesTrainTheModelThatOneDoes() async throws {
        try await withTwoWorkers { lab, other in
            let example = ShuntHome.packageRoot + "/jobs/nodes"
            let copied = try await lab.home.shell("cp '\(example)'/* .")
            try #require(copied.code == 0, "\(copied.errorText)")
            let alone = try await lab.home.run(
                "run", "-q", "-f", "job.yaml", "--nodes", "1", "--nodes-per-worker", "1")
            #expect(alone.code == 0, "\(alone.errorText)")
            let model = try lab.home.read("model.json")

            let outcome = try await run(
                lab, other, ["-f", "job.yaml", "--nodes-per-worker", "1"])
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(try lab.home.read("model.json") == model)
            #expect(lab.home.exists("rank-1/share.json") && !lab.home.exists("rank-0"))
            // Lines of both, each behind its rank, in one piece.
            let lines = outcome.text.split(separator: "\n").map(String.init)
            #expect(lines.allSatisfy { $0.hasPrefix("[0] ") || $0.hasPrefix("[1] ") })
            #expect(lines.contains { $0.hasPrefix("[1] rank 1 of 2: ") })

            let job = try await lab.home.latestJob()
            let all = try await lab.home.run("logs", job)
            #expect(all.text.split(separator: "\n").count == lines.count)
            let one = try await lab.home.run("logs", "--rank", "1", job)
            #expect(one.text.hasPrefix("rank 1 of 2: ") && one.text.hasSuffix(" right\n"))
            let none = try await lab.home.run("logs", "--rank", "2", job)
            expectRefused(none, code: 2, naming: ["the ranks 0 to 1"])
            let view = try await lab.home.inspect(job)
            let workers = view["tasks"].items.map { $0["worker"].string ?? "" }
            #expect(workers.sorted() == [lab.name, other.alias].sorted())
        }
    }

    @Test func theFirstFailureEndsTheGangAndIsShownWithItsLastLines() async throws {
        try await withTwoWorkers { lab, other in
            let script = """
                if [ $NODE_RANK = 1 ]; then echo the reason >&2; exit 3; fi
                trap 'echo told to end; exit 0' TERM; sleep 600 & wait
                """
            let outcome = try await run(lab, other, ["--", "sh", "-c", script])
            #expect(outcome.code == 3, "\(outcome.errorText)")
            let error = outcome.errorText.components(separatedBy: "error: ").last ?? ""
            #expect(error.hasPrefix("job "))
            #expect(error.contains("rank 1 on `"))
            #expect(error.contains("exited with code 3; its last lines:\n  the reason\n"))
            #expect(outcome.text == "[0] told to end\n")
        }
    }

    @Test func aTaskThatCannotBeReachedLeavesItsGangRunning() async throws {
        try await withTwoWorkers { lab, other in
            // Where both accounts may look.
            let mark = "/tmp/shunt-gang-\(UInt64.random(in: 0...UInt64.max))"
            defer { unlink(mark) }
            let script =
                "while [ ! -e \(mark) ]; do sleep 0.1; done; echo $NODE_RANK"
            let running = try lab.home.start([
                "run", "--on", "\(lab.name),\(other.alias)", "--nodes", "2", "--name", "together",
                "--",
                "sh", "-c", script,
            ])
            let job = "together"
            #expect(
                try await eventually {
                    let jobs = try await lab.home.run("ps", "-o", "json")
                    return try JSON(parsing: jobs.output)[0]["phase"].string == "running"
                })
            other.relay.cut(arrivals: .refused)
            other.relay.reset()
            #expect(
                try await eventually {
                    try await lab.home.inspect(job)["link"].string?.contains("unreachable") == true
                })
            #expect(try await lab.home.inspect(job)["state"].string == "active")
            other.relay.restore()
            try Files.write("", to: mark)
            let outcome = await running.outcome()
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(Set(outcome.text.split(separator: "\n")) == ["[0] 0", "[1] 1"])
        }
    }

    @Test func aJobStartsWhenThoseThatItNeedsHaveSucceeded() async throws {
        try await ShuntHome.use { home in
            let mark = home.base + "/go-on"
            let first = try await home.run(
                "submit", "-q", "--name", "first", "--", "sh", "-c",
                "while [ ! -e \(mark) ]; do sleep 0.1; done; echo first >>\(home.base)/order")
            #expect(first.code == 0, "\(first.errorText)")
            try home.write(
                "second.yaml",
                "name: second\nneeds: [first]\nrun: echo second >>\(home.base)/order\n")
            #expect(try await home.run("submit", "-q", "-f", "second.yaml").code == 0)
            let waiting = try await home.run("ps")
            #expect(waiting.text.contains("queued: it comes after "), "\(waiting.text)")
            try Files.write("", to: mark)
            #expect(try await home.run("wait", "second").text == "0\n")
            #expect(try home.read("../order") == "first\nsecond\n")
            // What has ended is looked up in the ledger.
            #expect(try await home.run("run", "-q", "--after", "second", "--", "true").code == 0)
            #expect(try await home.run("run", "-q", "--name", "bad", "--", "false").code == 1)
            let refused = try await home.run("run", "-q", "--after", "bad", "--", "true")
            expectRefused(refused, code: 125, naming: ["which it is to come after, has failed"])
        }
    }

    @Test(.enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
    func nodesInContainersTrainTheModelThatTheyDoBare() async throws {
        try await ContainerHome.use { home in
            let copied = try await home.shell("cp '\(ShuntHome.packageRoot)/jobs/nodes'/* .")
            try #require(copied.code == 0, "\(copied.errorText)")
            let bare = try await home.run("run", "-q", "-f", "job.yaml")
            #expect(bare.code == 0, "\(bare.errorText)")
            let model = try home.read("model.json")
            let contained = try await home.run(
                ["run", "-q", "-f", "job.yaml", "--image", TestImage.name], within: .seconds(120))
            #expect(contained.code == 0, "\(contained.errorText)")
            #expect(try home.read("model.json") == model)
            #expect(contained.text.contains("[2] rank 2 of 3: "))
        }
    }

    @Test func aDrainedWorkerTakesNoJobAndPrioritiesDecideWhoIsFirst() async throws {
        try await ShuntHome.use { home in
            let drained = try await home.run("worker", "drain", "local")
            #expect(drained.text == "local\n", "\(drained.errorText)")
            for (name, priority) in [("third", "low"), ("second", "normal"), ("first", "high")] {
                let submitted = try await home.run(
                    "submit", "-q", "--name", name, "--priority", priority, "--cpus", "2", "--",
                    "sh", "-c", "echo \(name) >>\(home.base)/order")
                #expect(submitted.code == 0, "\(submitted.errorText)")
            }
            let waiting = try await home.run("ps")
            #expect(waiting.text.contains("takes no new jobs until"), "\(waiting.text)")
            #expect(try await home.run("worker", "ls").text.contains("connected, drained"))
            // Also for the next coordinator.
            #expect(try await home.run("coordinator", "stop").code == 0)
            #expect(try await home.run("worker", "ls", "-o", "json").text.contains("true"))
            #expect(try await home.run("worker", "resume", "local").code == 0)
            let ended = try await home.run("wait", "first", "second", "third")
            #expect(ended.text == "0\n0\n0\n", "\(ended.errorText)")
            let order = try home.read("../order")
            #expect(order.hasSuffix("third\n") && order.hasPrefix("first\n"), "\(order)")
            let unknown = try await home.run("worker", "drain", "local", "nobody")
            expectRefused(unknown, code: 3, naming: ["nobody"])
            #expect(try await home.run("run", "-q", "--", "true").code == 0, "none is drained")
        }
    }

    @Test func whatCannotBePlacedAsAWholeIsRefused() async throws {
        try await ShuntHome.use { home in
            let alone = try await home.run("run", "--nodes", "2", "--", "true")
            expectRefused(alone, code: 125, naming: ["2 nodes with 1 CPU each"])
            let nobody = try await home.run("run", "--processes-per-node", "2", "--", "true")
            expectRefused(nobody, code: 125, naming: ["a launcher has to"])
            let twice = try await home.run(
                "run", "--launch", "torchrun", "--", "torchrun", "train.py")
            expectRefused(twice, code: 125, naming: ["`torchrun` would start `torchrun`"])
        }
    }

    @Test func processesOfANodeHaveTheirRanksAndTheFirstThatFailsEndsTheOthers() async throws {
        try await ShuntHome.use { home in
            let ranks = try await home.run(
                "run", "-q", "--nodes", "2", "--nodes-per-worker", "2", "--cpus", "0.5",
                "--launch", "per-process", "--processes-per-node", "2", "--", "sh", "-c",
                "echo $RANK/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE")
            #expect(ranks.code == 0, "\(ranks.errorText)")
            #expect(
                Set(ranks.text.split(separator: "\n")) == [
                    "[0] 0/4 0/2", "[0] 1/4 1/2", "[1] 2/4 0/2", "[1] 3/4 1/2",
                ])
            let failed = try await home.run(
                "run", "-q", "--launch", "per-process", "--processes-per-node", "3", "--", "sh",
                "-c", "[ $RANK = 1 ] && exit 9; sleep 600")
            #expect(failed.code == 9, "\(failed.errorText)")
        }
    }
}
