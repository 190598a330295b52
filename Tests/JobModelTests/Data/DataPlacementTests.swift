import Testing

@testable import JobModel

/// Data decides before room does.
@Suite struct DataPlacementTests {
    private static let set = DatasetName("set")!
    private static let secret = DataLabel("private")!

    private func situation() -> QueueSituation {
        var situation = QueueSituation()
        for name in ["a", "b", "c"] { situation.add(name, name == "a" ? 8000 : 2000) }
        situation.workers[1].record.datasets = [Dataset(name: Self.set, path: "/data")]
        situation.workers[2].record.labels = [WorkerLabel("rented")!]
        return situation
    }

    private func constraints(_ labels: [DataLabel: DataRules.Origin]) -> Scheduler.DataConstraints {
        Scheduler.DataConstraints(
            labels: labels,
            rules: DataRules(never: [
                DataRules.Rule(data: Self.secret, workers: WorkerLabelPattern("rented")!)
            ]))
    }

    @Test func aJobGoesWhereItsDataIsHoweverMuchRoomOthersHave() {
        var situation = situation()
        situation.enqueue(1000)
        situation.queue[0].spec.mounts = [DataMount(target: "data", dataset: Self.set)]
        #expect(situation.plan == "0@b")
        situation.workers[1].link = .unreachable(since: situation.now, reason: "")
        #expect(situation.plan == "")
        #expect(situation.reason().code == .noData)
        // It may come back, so that the job is taken.
        #expect(Scheduler.refusal(situation.queue[0], workers: situation.workers) == nil)
    }

    @Test func aJobWhoseWorkerLacksTheDataIsRefusedWithThoseThatHaveIt() {
        var situation = situation()
        situation.enqueue(1000, on: "a")
        situation.queue[0].spec.mounts = [DataMount(target: "data", dataset: Self.set)]
        let refusal = Scheduler.refusal(situation.queue[0], workers: situation.workers)
        #expect(
            refusal?.message
                == "it mounts `set`, and `a` does not have it; `--on any` finds it on `b`")
        #expect(refusal?.hint == "shunt worker data a")
    }

    @Test func whatIsLabelledNeverGoesWhereARuleForbidsIt() {
        var situation = situation()
        situation.workers.removeFirst(2)
        situation.enqueue(1000)
        #expect(situation.plan == "0@c")
        situation.queue[0].data = constraints([Self.secret: .job])
        #expect(situation.plan == "")
        #expect(situation.reason().code == .forbidden)
        #expect(
            Scheduler.refusal(situation.queue[0], workers: situation.workers)?.message
                == "its data is labelled `private`, and that never goes to workers labelled "
                + "`rented`; `c` has `rented`")
        let message = { (origin: DataRules.Origin) in
            situation.queue[0].data = constraints([Self.secret: origin])
            return Scheduler.refusal(situation.queue[0], workers: situation.workers)?.message ?? ""
        }
        #expect(message(.file("out/model")).hasPrefix("its file `out/model` is labelled `private`"))
        #expect(message(.dataset(Self.set)).hasPrefix("its dataset `set` is labelled `private`"))
        situation.queue[0].data = constraints([DataLabel("public")!: .job])
        #expect(situation.plan == "0@c")
    }

    @Test func severalWorkersWithSeveralReasonsAreEachNamed() {
        var situation = situation()
        situation.workers.remove(at: 1)
        situation.enqueue(1000)
        situation.queue[0].spec.mounts = [DataMount(target: "data", dataset: Self.set)]
        #expect(
            Scheduler.refusal(situation.queue[0], workers: situation.workers)?.message
                == "it mounts `set`, and none of the 2 workers that it may use has it")
        situation.workers[1].record.datasets = [Dataset(name: Self.set, path: "/data")]
        situation.queue[0].data = constraints([Self.secret: .job])
        let text = Scheduler.refusal(situation.queue[0], workers: situation.workers)?.message ?? ""
        #expect(text.hasPrefix("it mounts `set`, and `a` does not have it; its data is labelled"))
    }
}
