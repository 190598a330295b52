import Testing

@testable import JobModel

struct CoordinatorSubmitTests {
    @Test func aJobComesAfterThoseThatItNeedsOrEndsWithThem() throws {
        var bench = try CoordinatorBench()
        let succeeded = TaskResult(verdict: .succeeded, exit: .exited(code: 0))
        let failed = TaskResult(verdict: .failed, exit: .exited(code: 1))
        let (first, firstToken) = try bench.placed()
        let (second, secondToken) = try bench.placed()
        func after(_ ids: JobID...) -> JobSpec {
            var spec = Sample.spec()
            spec.after = ids
            return spec
        }
        let both = try #require(try bench.submit("both", after(first, second)).id)
        let one = try #require(try bench.submit("one", after(second)).id)
        let last = try #require(try bench.submit("last", after(one)).id)
        let reason = bench.core.waitingReason(of: both, at: bench.now.wall)
        #expect(reason == WaitingReason(.waitsForJobs, "it comes after \(first) and 1 more"))
        #expect(try bench.hear(.terminal, of: firstToken, result: succeeded).started.isEmpty)
        // It has been forgotten, and is brought back from the ledger to be looked at.
        #expect(bench.core.job(first) == nil)
        let ended = try bench.hear(.terminal, of: secondToken, result: failed)
        let states = Dictionary(
            ended.commits.map { ($0.id, $0.state) }, uniquingKeysWith: { $1 })
        #expect(states == [second: .failed, both: .cancelled, one: .cancelled, last: .cancelled])
        let why = ended.commits.first { $0.id == last }?.reason
        #expect(why == "job `\(one)`, which it was to come after, has been cancelled")
        let refused = try bench.submit("late", after(second)).effects.failure
        #expect(refused?.code == .notFound, "only the ledger knows it now")
        #expect(bench.core.isIdle)
    }

    @Test func higherPrioritiesComeFirstAndEachInTheOrderOfSubmission() throws {
        var bench = try CoordinatorBench()
        // Takes the worker whole.
        let first = try bench.placed(Sample.spec(CoordinatorBench.capacity))
        var ids: [JobID] = []
        for (key, priority) in [
            ("a", Priority.normal), ("b", .low), ("c", .high), ("d", .normal), ("e", .high),
        ] {
            var spec = Sample.spec(CoordinatorBench.capacity)
            spec.priority = priority
            ids.append(try #require(try bench.submit(key, spec).id))
        }
        let order = [2, 4, 0, 3, 1].map { ids[$0] }
        #expect(bench.core.queue == order)
        // A restart reads the rows in any order.
        let rows = ids.shuffled().compactMap { bench.core.job($0) }
        let again = CoordinatorCore(
            id: Sample.coordinator, epoch: 6, workers: [], jobs: rows, lastSequence: 9,
            at: bench.now)
        #expect(again.queue == order)
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0))
        let next = try bench.hear(.terminal, of: first.1, result: result)
        #expect(next.started.map(\.token.task.job) == [ids[2]])
    }

    @Test func aJobIsCommittedBeforeItIsPromisedOrStarted() throws {
        var bench = try CoordinatorBench()
        let (id, effects) = try bench.submit()
        let job = try #require(id)
        #expect(effects.commitFirst)
        #expect(effects.commits.map(\.id) == [job])
        #expect(effects.commits.first?.state == .active)
        let order = try #require(effects.started.first)
        #expect(order.token == effects.commits.first?.current?.tasks.first?.token)
        #expect(order.token.epoch == CoordinatorBench.epoch)
        #expect(order.token.task.text == "\(job).1/0")
        #expect(order.tree == Sample.tree())
    }

    @Test func theSameKeyIsTheSameJob() throws {
        var bench = try CoordinatorBench()
        let first = try bench.submit("key")
        let again = try bench.submit("key", Sample.spec(Sample.resources(2000)))
        #expect(again.id == first.id)
        #expect(again.effects.commits.isEmpty && again.effects.sent.isEmpty)
        #expect(bench.core.order.count == 1)
        let other = try bench.submit("key2")
        #expect(other.id != nil && other.id != first.id)
    }

    @Test func theSameKeyIsTheSameJobAfterARestartToo() throws {
        var bench = try CoordinatorBench()
        let (id, effects) = try bench.submit("key")
        bench.core = CoordinatorCore(
            id: Sample.coordinator, epoch: 6, workers: [WorkerRecord(name: CoordinatorBench.gpu)],
            jobs: effects.commits, lastSequence: 1, at: bench.now)
        #expect(try bench.submit("key").id == id)
    }

    @Test func twoJobsNeverShareAnID() throws {
        var bench = try CoordinatorBench()
        let first = try bench.submit("a", random: 7).id
        let second = try bench.submit("b", random: 7).id
        #expect(first == JobID(random: 7))
        #expect(second != nil && second != first)
    }

    @Test func everyTokenHasANonceOfItsOwn() throws {
        var bench = try CoordinatorBench()
        var nonces: Set<UInt64> = []
        for number in 0..<4 {
            let (_, effects) = try bench.submit("\(number)", random: 7)
            nonces.formUnion(effects.started.map(\.token.nonce))
        }
        #expect(nonces.count == 4)
    }

    @Test func anUnknownWorkerIsNotFoundAndTheKnownOnesAreNamed() throws {
        var bench = try CoordinatorBench()
        let spec = Sample.spec(on: .worker(Sample.name("cpu")))
        let effects = try bench.submit("k", spec).effects
        #expect(effects.failure?.code == .notFound)
        #expect(effects.failure?.message == "there is no worker `cpu`; there is `gpu`")
        #expect(effects.failure?.hint == "shunt worker ls")
        #expect(effects.commits.isEmpty)
    }

    @Test func whatNoWorkerCouldEverRunIsRefused() throws {
        var bench = try CoordinatorBench()
        let effects = try bench.submit("k", Sample.spec(Sample.resources(4001))).effects
        #expect(effects.failure?.code == .refused)
        #expect(
            effects.failure?.message
                == "the job needs 4.001 CPUs, and `gpu` has 4 CPUs, 8.0 GiB in all")
        #expect(effects.commits.isEmpty)
        // The key is free: what was refused is no job.
        #expect(try bench.submit("k").id != nil)
    }

    @Test func aWorkerThatWasNeverReachedMayBeLargeEnough() throws {
        var bench = try CoordinatorBench(connected: false)
        let (id, effects) = try bench.submit("k", Sample.spec(Sample.resources(9000)))
        #expect(effects.commits.first?.state == .queued)
        let job = try #require(id)
        #expect(bench.view(job)?.waiting?.code == .workerUnreachable)
        // Its size is known now: the job waits on, and says why.
        try bench.connect()
        #expect(bench.view(job)?.waiting?.code == .tooLarge)
    }

    @Test func aFullQueueTakesNoMore() throws {
        var bench = try CoordinatorBench(connected: false)
        bench.core.queue = Array(repeating: JobID(random: 1), count: JobLimits.queuedJobs)
        let effects = try bench.submit().effects
        #expect(effects.failure?.code == .refused)
        #expect(effects.failure?.message.contains("200000 jobs are queued") == true)
    }

    @Test func waitingJobsSayHowManyAreAhead() throws {
        var bench = try CoordinatorBench()
        let ids = try (0..<6).compactMap {
            try bench.submit("\($0)", Sample.spec(Sample.resources(2000))).id
        }
        let reasons = ids.map { bench.core.waitingReason(of: $0, at: bench.now.wall) }
        #expect(reasons[0] == nil && reasons[1] == nil)
        #expect(reasons.dropFirst(2).allSatisfy { $0?.code == .workerBusy })
        #expect(reasons[2]?.message.contains("ahead") == false)
        #expect(reasons[3]?.message.hasSuffix(", 1 job ahead") == true)
        #expect(reasons[5]?.message.hasSuffix(", 3 jobs ahead") == true)
    }

    @Test func theOutlookIsWhatASubmissionWouldComeTo() throws {
        var bench = try CoordinatorBench()
        let now = bench.now.wall
        let spec = Sample.spec(Sample.resources(3000))
        var outlook = bench.core.outlook(for: spec, at: now)
        #expect(outlook.workers == [CoordinatorBench.gpu] && outlook.waiting == nil)
        try bench.submit("a", spec)
        outlook = bench.core.outlook(for: spec, at: now)
        #expect(outlook.workers.isEmpty && outlook.waiting?.code == .workerBusy)
        try bench.submit("b", spec)
        // One CPU is free, and kept for the job that waits for it.
        outlook = bench.core.outlook(for: Sample.spec(on: .worker(CoordinatorBench.gpu)), at: now)
        #expect(outlook.workers == [CoordinatorBench.gpu])
        #expect(outlook.waiting == WaitingReason(.behindOthers, "1 job is ahead of it"))
        #expect(bench.core.order.count == 2, "looking submits nothing")
    }

    @Test func aRowOfTheLedgerComesBackButForTheSession() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let effects = try bench.hear(.running, of: token)
        var row = try #require(effects.commits.first)
        let back = try JSON.roundTrip(row)
        #expect(back != row, "a version of a session is not kept")
        row.attempts[0].tasks[0].reportVersion = 0
        #expect(back == row)
        #expect(try JSON.keys(row).contains("client_key"))
        #expect(back.id == id)
    }
}
