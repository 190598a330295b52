import Foundation
import Testing

@testable import JobModel

struct APITests {
    @Test func exitCodesOfFailuresAreTheDocumentedOnes() {
        let codes = ShuntError.Code.allCases.map { "\($0.rawValue) \($0.exitCode)" }
        #expect(codes == ["usage 2", "not_found 3", "unreachable 4", "refused 5", "failed 1"])
    }

    @Test func anErrorIsItsMessageAndItsHintIsApart() throws {
        let error = ShuntError(.notFound, "there is no job `a`", hint: "shunt ps -a")
        #expect("\(error)" == "there is no job `a`")
        #expect(
            try JSON.text(error)
                == #"{"code":"not_found","hint":"shunt ps -a","message":"there is no job `a`"}"#)
        #expect(try JSON.roundTrip(error) == error)
        #expect(throws: DecodingError.self) {
            try JSON.value(#"{"code":"haunted","message":"m"}"#, as: ShuntError.self)
        }
    }

    @Test func requestsSayTheirFieldsInWords() throws {
        let request = SubmitRequest(
            clientKey: "k", spec: Sample.spec(), inputs: Sample.inputs(), confirmed: false)
        #expect(try JSON.keys(request) == ["client_key", "confirmed", "inputs", "spec"])
        #expect(
            try JSON.keys(PlanRequest(spec: request.spec, inputs: request.inputs))
                == ["inputs", "spec"])
        #expect(try JSON.text(SubmitResponse(id: JobID(random: 0))) == #"{"id":"000000"}"#)
        #expect(try JSON.text(CancelRequest(immediately: true)) == #"{"immediately":true}"#)
        #expect(try JSON.text(SignalRequest(signal: 2)) == #"{"signal":2}"#)
        #expect(try JSON.text(LogOffset(offset: .max)) == #"{"offset":\#(UInt64.max),"skip":0}"#)
        let plan = PlanView(
            worker: .local, waiting: WaitingReason(.tooLarge, "m"), missing: ByteCount(3),
            environmentCached: false)
        #expect(
            try JSON.text(plan)
                == #"{"environment_cached":false,"largest":[],"missing_bytes":3,"#
                + #""waiting":{"code":"too_large","message":"m"},"worker":"local"}"#)
    }

    @Test func inputsSayTheirUnits() throws {
        var inputs = Sample.inputs()
        inputs.references = [
            FileReference(digest: Sample.digest(1), size: ByteCount(5), path: [0x2F, 0xFF, 0])
        ]
        inputs.git = GitState(commit: "c", branch: "main", dirty: false)
        #expect(
            try JSON.keys(inputs) == [
                "file_count", "git", "labelled_files", "references", "source_directory",
                "total_bytes", "tree",
            ])
        #expect(try JSON.roundTrip(inputs) == inputs)
        // A row of a release that did not know which file has a label.
        let text = try JSON.text(inputs)
        let earlier = text.replacing(#""labelled_files":[]"#, with: #""labels":[]"#)
        #expect(try JSON.value(earlier, as: JobInputs.self) == inputs)
        for field in [#""total_bytes":-1"#, #""total_bytes":"10""#] {
            let text = try JSON.text(inputs).replacing(#""total_bytes":10"#, with: field)
            #expect(throws: DecodingError.self) { try JSON.value(text, as: JobInputs.self) }
        }
    }

    /// A file's name is bytes: what is no UTF-8, or no byte, is told apart.
    @Test(arguments: ["[256]", "[-1]", #""/a""#, "null"])
    func aReferencesPathIsBytes(_ path: String) throws {
        let reference = FileReference(digest: Sample.digest(1), size: .zero, path: [7])
        let text = try JSON.text(reference)
        #expect(throws: DecodingError.self) {
            try JSON.value(text.replacing("[7]", with: path), as: FileReference.self)
        }
        #expect(try JSON.value(text, as: FileReference.self) == reference)
    }

    /// What `shunt inspect -o json` prints, in the order of the issue: exit code, state, times,
    /// digests, bytes sent, worker, reason.
    @Test func aFullViewHasTheDocumentedKeys() throws {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        var keys: Set<String> = []
        for _ in 0..<200 { keys.formUnion(try JSON.keys(random.view())) }
        #expect(
            keys.sorted() == [
                "activity", "attempt", "bytes_sent", "cancel_requested", "cause", "ended_at",
                "exit", "exit_code", "handed_over", "id", "inputs", "kill_method", "labels", "link",
                "name", "outputs", "outputs_fetch", "phase", "reason", "spec", "started_at",
                "state",
                "submitted_at", "verdict", "version", "waiting", "warnings", "worker",
            ])
    }

    @Test func wordsOfTheViewThatNobodyKnowsAreAnError() throws {
        let view = JobView(
            id: JobID(random: 0), name: nil, state: .queued, version: 1,
            submittedAt: WallTime(milliseconds: 0), spec: Sample.spec(), inputs: Sample.inputs())
        let text = try JSON.text(view)
        #expect(try JSON.value(text, as: JobView.self) == view)
        for (word, other) in [
            (#""state":"queued""#, #""state":"dreaming""#),
            (#""outputs_fetch":"none""#, #""outputs_fetch":"gone""#),
            (#""id":"000000""#, #""id":"0""#),
            (#""bytes_sent":0"#, #""bytes_sent":-1"#),
        ] {
            #expect(text.contains(word))
            #expect(throws: DecodingError.self, "\(other)") {
                try JSON.value(text.replacing(word, with: other), as: JobView.self)
            }
        }
    }

    @Test func workersAndStatusSayTheirFieldsInWords() throws {
        let worker = WorkerView(
            record: .local, link: "connected", connected: true,
            welcome: Sample.welcome(.standard), inUse: Resources.none, runningJobs: 0)
        #expect(
            try JSON.keys(worker) == [
                "capacity", "connected", "datasets", "directory", "drained", "in_use", "labels",
                "link", "name",
                "platform", "release", "running_jobs",
            ])
        #expect(try JSON.roundTrip(worker) == worker)
        let status = CoordinatorStatus(
            id: Sample.coordinator, epoch: 3, release: "1", pid: 2,
            startedAt: WallTime(milliseconds: 4), home: "/h", queuedJobs: 5, activeJobs: 6)
        #expect(
            try JSON.keys(status) == [
                "active_jobs", "epoch", "home", "id", "pid", "queued_jobs", "release",
                "started_at",
            ])
        #expect(try JSON.roundTrip(status) == status)
    }
}
