import JobModel
import Testing

@testable import shunt

@Suite struct JobDraftTests {
    @Test func flagsWinOverTheFile() throws {
        var file = JobFile()
        file.name = JobName("file")
        file.command = .shell("make")
        file.environment = [.init(name: "A", value: "1"), .init(name: "B", value: "2")]
        file.milliCPUs = 4000
        file.memory = .gibibytes(1)
        file.outputs = ["a"]
        file.placement = .any
        file.maximumDuration = .minutes(5)
        var flags = JobFlags()
        flags.name = "flag"
        flags.cpus = "2"
        flags.variables = ["A=3"]
        flags.outputs = ["./b"]
        flags.on = "gpu-1"
        flags.command = ["true"]
        let spec = try JobDraft(flags: flags, file: file).spec
        #expect(spec.name == JobName("flag"))
        #expect(spec.command == .arguments(["true"]))
        // The later one wins where the job starts.
        #expect(spec.environment.map { "\($0.name)=\($0.value)" } == ["A=1", "B=2", "A=3"])
        #expect(spec.resources == Resources(milliCPUs: 2000, memory: .gibibytes(1)))
        #expect(spec.outputs == ["b"])
        #expect(spec.placement == .worker(WorkerName("gpu-1")!))
        #expect(spec.maximumDuration == .minutes(5))
    }

    @Test func withoutAnythingTheDefaultsHold() throws {
        var flags = JobFlags()
        flags.command = ["true"]
        #expect(
            try JobDraft(flags: flags, file: nil).spec == JobSpec(command: .arguments(["true"])))
    }

    @Test func nothingToRunIsAMistake() {
        let error = #expect(throws: ShuntError.self) {
            try JobDraft(flags: JobFlags(subcommand: "submit"), file: JobFile())
        }
        #expect(error?.code == .usage)
        #expect(error?.hint == "shunt submit -- python train.py")
    }

    @Test func aBadFlagNamesItselfAndAValueThatWouldDo() {
        var flags = JobFlags()
        flags.command = ["true"]
        flags.memory = "8"
        let error = #expect(throws: ShuntError.self) { try JobDraft(flags: flags, file: nil) }
        #expect(
            error?.message
                == "`--memory` wants an amount of memory from 1MiB to 64TiB, found `8`")
        #expect(error?.hint == "shunt run --memory 8GiB -- true")
    }

    @Test func aCommandThatNoKernelTakesIsRefused() {
        var flags = JobFlags()
        flags.command = ["echo", String(repeating: "x", count: 1 << 20)]
        #expect(throws: ShuntError.self) { try JobDraft(flags: flags, file: nil) }
    }

    private static let readings: [([String], CommandWords.Reading)] = [
        ([], .none),
        (["--"], .none),
        (["--help"], .help), (["-h"], .help),
        (["python", "--help", "-e", "x"], .command(["python", "--help", "-e", "x"])),
        (["--", "--odd", "--"], .command(["--odd", "--"])),
        (["a", "--", "b"], .command(["a", "--", "b"])),
        (["-"], .command(["-"])),
    ]

    @Test(arguments: readings)
    func commandWordsAreTakenAsTheyAre(_ words: [String], _ expected: CommandWords.Reading) throws {
        #expect(try CommandWords.read(words, of: "run") == expected)
    }

    private static let mistakes: [([String], String)] = [
        (["--bogus"], "unknown option `--bogus`"),
        (["--dry-rnu"], "did you mean `--dry-run`?"),
        (["-x"], "unknown option `-x`"),
        (["--nmae=x"], "did you mean `--name`?"),
        ([""], "empty word"), (["--", ""], "empty word"),
    ]

    @Test(arguments: mistakes)
    func whatIsNoFlagIsRefused(_ words: [String], _ expected: String) {
        let error = #expect(throws: ShuntError.self) {
            try CommandWords.read(words, of: "run")
        }
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "-")")
    }
}
