import JobModel
import Testing

@Suite struct DataRulesTests {
    private func worker(_ labels: String...) -> WorkerRecord {
        WorkerRecord(
            name: WorkerName("w1")!, labels: labels.map { WorkerLabel($0)! })
    }

    private func rules(_ data: String, _ workers: String) -> DataRules {
        DataRules(never: [
            DataRules.Rule(data: DataLabel(data)!, workers: WorkerLabelPattern(workers)!)
        ])
    }

    private func allows(_ rules: DataRules, _ labels: String..., on worker: WorkerRecord) -> Bool {
        let origins = labels.map { (DataLabel($0)!, DataRules.Origin.job) }
        return rules.refusal(of: Dictionary(uniqueKeysWithValues: origins), on: worker) == nil
    }

    @Test func aKeyMeansEveryValueAndAValueItself() {
        let any = rules("private", "rented")
        #expect(!allows(any, "private", on: worker("rented")))
        #expect(!allows(any, "public", "private", on: worker("gpu=a100", "rented=yes")))
        #expect(allows(any, "public", on: worker("rented")))
        #expect(allows(any, "private", on: worker("gpu=a100")))
        let one = rules("private", "region=us")
        #expect(!allows(one, "private", on: worker("region=us")))
        #expect(allows(one, "private", on: worker("region=eu")))
    }

    @Test func rulesThatCannotBeReadAllowNothingThatIsLabelled() {
        let broken = DataRules(problem: "line 1")
        #expect(!allows(broken, "private", on: worker()))
        #expect(allows(broken, on: worker()))
    }

    @Test func mountsWithinEachOtherOverlap() {
        func mount(_ target: String) -> DataMount {
            DataMount(target: target, dataset: DatasetName("set")!)
        }
        #expect(mount("a").overlaps(mount("a")))
        #expect(mount("a").overlaps(mount("a/b")))
        #expect(mount("a/b").overlaps(mount("a")))
        #expect(!mount("a").overlaps(mount("ab")))
        #expect(!mount("a/b").overlaps(mount("a/c")))
    }

    @Test(arguments: ["/", "a", "/a//b", "/a/./b", "/a/../b", "/a/", "/a\nb", "/a\0b"])
    func whatIsNoAbsoluteNormalPathIsNoPlaceOfData(_ text: String) {
        #expect(!Dataset.isPath(text))
    }

    @Test func whatWasWrittenBeforeThereWasDataIsRead() throws {
        let old = #"{"name":"w1","directory":"","labels":[],"added_at":"2026-01-01T00:00:00.000Z"}"#
        let record = try JSON.value(old, as: WorkerRecord.self)
        #expect(record.datasets.isEmpty)
    }
}
