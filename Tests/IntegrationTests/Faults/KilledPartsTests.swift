import Foundation
import Testing
import Lab

/// Parts of the product that are killed while a job runs.
@Suite struct KilledPartsTests {
    static let groups: [[Part]] =
        Part.replaceable.map { [$0] } + [
            [.coordinator, .agent], [.coordinator, .supervisor], [.agent, .supervisor],
            Part.replaceable,
        ]

    @Test(arguments: groups)
    func runGoesOnWhenPartsAreKilled(parts: [Part]) async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let run = try await job.start(untilLine: 20)
            #expect(home.kill9(Set(parts)) == parts.count)
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, "\(parts)")
        }
    }

    /// Nobody follows: the next command starts what is needed.
    @Test(arguments: groups)
    func nextCommandFindsTheJobAgain(parts: [Part]) async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let submitted = try await home.run(["submit", "--"] + job.command)
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(await eventually { job.starts.count == 1 })
            #expect(home.kill9(Set(parts)) == parts.count)
            let waited = try await home.run("wait", id)
            #expect(waited.text.contains("7"))
            let logs = try await home.run("logs", id)
            #expect(logs.text == job.expectedOutput)
            #expect(job.starts.count == 1)
        }
    }

    /// An agent that a coordinator started again must not hold anything of it, or the coordinator's
    /// socket would outlive it and take calls that nobody answers.
    @Test func nothingOfAKilledCoordinatorIsHeldByWhatItStarted() async throws {
        try await ShuntHome.use { home in
            let first = try await home.run("run", "-q", "--", "true")
            #expect(first.code == 0, "\(first.errorText)")
            let old = home.pids(of: [.agent])
            home.kill9([.agent])
            let isBack = await eventually {
                let new = home.pids(of: [.agent])
                return new.count == 1 && new != old
            }
            #expect(isBack)
            let job = try CountingJob(home)
            let run = try await job.start(untilLine: 10)
            home.kill9([.coordinator, .agent])
            let listed = try await home.run(["ps"], within: .seconds(15))
            #expect(listed.code == 0, "\(listed.errorText)")
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, "coordinator and agent")
        }
    }

    /// The build of an environment belongs to the agent: the next one begins it again, and of the
    /// first nothing is left.
    @Test(arguments: [[Part.agent], [.coordinator], [.agent, .coordinator]])
    func environmentIsBuiltWhenPartsAreKilledInBetween(parts: [Part]) async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            try home.write("requirements.txt", "# nothing, which takes a while too\n")
            try home.write("job.yaml", "environment: {python: requirements.txt}\n")
            let run = try job.start(["-f", "job.yaml"])
            let builds = home.root + "/agent/environments/builds"
            let begun = await eventually(within: .seconds(40)) {
                !directories(in: builds).isEmpty || run.hasEnded
            }
            #expect(begun, "\(run.errorsSoFar)")
            home.kill9(Set(parts))
            let outcome = await run.outcome(within: .seconds(120))
            try await job.expectRanOnce(outcome, "\(parts)")
            #expect(directories(in: builds).count == 1)
            #expect(ProcessTable.processes(naming: builds).isEmpty)
        }
    }

    /// Several times at moments that a seed chooses: while it is staged, at its barrier, while it
    /// runs, while its outputs are collected and fetched.
    @Test func runGoesOnWhateverIsKilledWhenever() async throws {
        let environment = ProcessInfo.processInfo.environment
        let rounds = environment["SHUNT_ROUNDS"].flatMap { Int($0) } ?? 10
        let seed = environment["SHUNT_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...9999)
        for round in 0..<rounds {
            var random = SplitMix(state: seed &+ UInt64(round))
            let kills = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                Kill.random(using: &random)
            }.sorted { $0.moment < $1.moment }
            let what = "SHUNT_SEED=\(seed &+ UInt64(round)) SHUNT_ROUNDS=1: \(kills)"
            print(what)
            try await ShuntHome.use { home in
                let job = try CountingJob(home)
                let run = try job.start()
                for kill in kills {
                    let came = await eventually(within: .seconds(40)) {
                        kill.moment.hasCome(run, job) || run.hasEnded
                    }
                    #expect(came, "\(what): \(run.errorsSoFar)")
                    home.kill9(kill.parts)
                }
                let outcome = await run.outcome()
                try await job.expectRanOnce(outcome, "\(what)")
            }
        }
    }
}

/// What to kill, and when.
struct Kill: CustomStringConvertible {
    var moment: KillMoment
    var parts: Set<Part>

    static func random(using random: inout SplitMix) -> Kill {
        var parts: Set<Part> = []
        while parts.isEmpty {
            parts = Set(Part.replaceable.filter { _ in Bool.random(using: &random) })
        }
        return Kill(moment: KillMoment.random(using: &random), parts: parts)
    }

    var description: String {
        "\(parts.map(\.rawValue).sorted().joined(separator: "+")) at \(moment)"
    }
}

/// A moment of a job's life that can be seen from outside.
enum KillMoment: Comparable, CustomStringConvertible {
    case submitted
    case staging
    case atBarrier
    case line(Int)
    case ended

    static func random(using random: inout SplitMix) -> KillMoment {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .submitted
        case 1: .staging
        case 2: .atBarrier
        case 3: .ended
        default: .line(Int.random(in: 0..<150, using: &random))
        }
    }

    func hasCome(_ run: Command, _ job: CountingJob) -> Bool {
        switch self {
        case .submitted: run.errorsSoFar.contains("shunt: job ")
        case .staging: !taskFiles("baseline", job).isEmpty || !taskFiles("work", job).isEmpty
        case .atBarrier: !taskFiles("init.ready", job).isEmpty
        case .line(let number): run.outputSoFar.contains("line \(number)\n")
        case .ended: !taskFiles("exit", job).isEmpty
        }
    }

    /// Files of this name in the directories of the home's tasks.
    private func taskFiles(_ name: String, _ job: CountingJob) -> [String] {
        let tasks = job.home.root + "/agent/tasks"
        // Before the first task there is no such directory.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return names.map { "\(tasks)/\($0)/\(name)" }.filter {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    var description: String {
        switch self {
        case .submitted: "submitted"
        case .staging: "staging"
        case .atBarrier: "barrier"
        case .line(let number): "line \(number)"
        case .ended: "end"
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood): the same numbers from the same seed, everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
