import ContentStore
import JobModel
import Testing

@testable import shunt

@Suite struct TextTests {
    @Test func whoStopsTheCoordinatorHearsOfQueuedJobs() {
        #expect(CoordinatorStopCommand.notice(queued: 0) == nil)
        #expect(CoordinatorStopCommand.notice(queued: 1)?.hasPrefix("1 job is queued") == true)
        #expect(CoordinatorStopCommand.notice(queued: 2)?.hasPrefix("2 jobs are queued") == true)
    }

    @Test func everyHelpHasAnExample() {
        let pages = HelpPages.all()
        #expect(pages.count == 30)
        for page in pages {
            let example = page.text.split(separator: "Example:\n", maxSplits: 1).last ?? ""
            #expect(
                page.text.contains("Example:\n") && example.contains("shunt "), "\(page.words)")
        }
    }

    @Test func theNamesOfCommandsAreThoseOfTheParser() {
        #expect(
            CommandNames.all.children.keys.sorted() == [
                "cancel", "config", "coordinator", "env", "inspect", "logs", "ps", "pull", "run",
                "submit", "wait", "worker",
            ])
        #expect(
            CommandNames.all.children["coordinator"]?.children.keys.sorted() == [
                "serve", "status", "stop",
            ])
    }

    @Test func everyFlagOfRunIsKnownToItsSuggestions() throws {
        let help = try #require(HelpPages.all(columns: 200).first { $0.words.last == "run" }).text
        for flag in CommandWords.flags { #expect(help.contains(flag), "\(flag)") }
        let shown = help.split(whereSeparator: { " ,\n".contains($0) })
            .filter { $0.hasPrefix("--") && $0 != "--" && $0 != "--epochs" && $0 != "--version" }
        for flag in shown {
            #expect(CommandWords.flags.contains(String(flag)), "\(flag)")
        }
    }

    @Test func anErrorHasItsHintBehindAnEmptyLine() {
        let error = ShuntError(.usage, "it is wrong", hint: "shunt ps")
        #expect(ErrorText.render(error) == "error: it is wrong\n\nhint: shunt ps\n")
        #expect(ErrorText.render(ShuntError(.usage, "it is wrong")) == "error: it is wrong\n")
        #expect(ErrorText.render(error, color: true).contains("\u{1b}[1;31merror:\u{1b}[0m"))
    }

    @Test func whatTheParserSaysBecomesAnErrorOfOurs() {
        let error = UsageErrorText.error(
            message: "Missing expected argument '<job>'.\nUsage: x", command: ["inspect"])
        #expect(
            error
                == ShuntError(
                    .usage, "missing expected argument `<job>`", hint: "shunt inspect --help"))
        #expect(
            UsageErrorText.error(message: "Unexpected argument 'sp'", command: []).message
                == "unknown command `sp`; did you mean `ps`?")
        #expect(
            UsageErrorText.error(message: "Unexpected argument 'x'", command: ["worker"]).hint
                == "shunt worker --help")
        #expect(
            UsageErrorText.command(in: ["worker", "ls", "-o"]) == ["worker", "ls"])
    }

    @Test func wordsThatAreNotUnicodeAreRefused() throws {
        #expect(try RawArguments.decode([Array("ä".utf8)]) == ["ä"])
        let error = #expect(throws: ShuntError.self) {
            try RawArguments.decode([[0x61], [0xff, 0x0a]])
        }
        #expect(error?.message.contains("argument 2") == true)
    }

    @Test func columnsAreAsWideAsTheirWidestCell() {
        let text = TextTable.render(
            header: ["ID", "COMMAND"], rows: [["7f3k2a", "x"], ["a", ""]], width: 9)
        #expect(text == "ID      …\n7f3k2a  x\na\n")
    }

    @Test func aJobIsOneLineWhateverItsCommandIs() {
        let job = Samples.job(.active, phase: .running) {
            $0.spec.command = .shell("echo a\necho \u{1b}[2J")
            $0.startedAt = WallTime(milliseconds: 1_060_000)
            $0.worker = .local
        }
        let text = JobTable.render(
            [job], isWide: false, now: WallTime(milliseconds: 1_125_000), width: nil)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[1] == "7f3k2a  -     running  local   2m   1m05s     echo a; echo \\x1b[2J")
    }

    @Test func aWaitingJobSaysWhy() {
        let job = Samples.job(.queued) {
            $0.waiting = WaitingReason(.tooLarge, "64 CPUs are more than `local` has")
        }
        #expect(JobTable.state(job) == "queued: 64 CPUs are more than `local` has")
    }

    @Test func aJobWhoseOutputsCannotBeStoredSaysSo() {
        let job = Samples.job(.active, phase: .collecting) {
            $0.activity = "outputs cannot be stored yet, and `shunt cancel a` gives them up: why"
        }
        #expect(JobTable.state(job) == "collecting: outputs cannot be stored yet")
    }

    @Test func jsonHasTheFieldsThatScriptsReadUnderTheirNames() throws {
        let job = Samples.job(.failed) {
            $0.exitCode = 7
            $0.endedAt = WallTime(milliseconds: 0)
        }
        let text = try JSONText.render(job)
        for field in [
            "\"exit_code\" : 7", "\"state\" : \"failed\"", "\"bytes_sent\" : 0",
            "\"ended_at\" : \"1970-01-01T00:00:00.000Z\"",
            "\"source_directory\" : \"/home/ada/digits\"",
        ] {
            #expect(text.contains(field), "\(field)")
        }
    }

    @Test func aPlanSaysAllThatWouldHappen() {
        var spec = JobSpec(command: .arguments(["python", "train it.py"]))
        spec.software = .recipe(
            EnvironmentRecipe(
                kind: .requirements, tree: Samples.inputs().tree, source: "requirements.txt"))
        let text = PlanText.render(
            spec: spec, inputs: Samples.inputs(),
            plan: PlanView(
                worker: .local, waiting: WaitingReason(.workerBusy, "all CPUs are in use"),
                missing: .mebibytes(2), environmentCached: false),
            remarks: [("left out", ".env")])
        #expect(
            text == """
                worker       local
                starts       later: all CPUs are in use
                command      python 'train it.py'
                directory    /home/ada/digits
                snapshot     1,234 files, 3.0 MiB, tree abababababab
                to send      2.0 MiB
                environment  requirements.txt, to be built
                resources    1 CPU
                git          cccccccccccc on main, with uncommitted changes
                left out     .env

                """)
    }

    @Test func largeNumbersAreGrouped() {
        #expect(SnapshotText.grouped(0) == "0")
        #expect(SnapshotText.grouped(999) == "999")
        #expect(SnapshotText.grouped(1_234_567) == "1,234,567")
        #expect(SnapshotText.grouped(-1000) == "-1,000")
    }

    @Test func aLongListIsCutWithItsCount() {
        #expect(SnapshotText.list(["a", "b"]) == "a, b")
        #expect(SnapshotText.list((1...1000).map(String.init)) == "1, 2, 3, 4, 5 and 995 more")
    }

    @Test func clientKeysAreLongAndNeverTheSame() {
        let keys = Set((0..<100).map { _ in ClientKey.draw() })
        #expect(keys.count == 100 && keys.allSatisfy { $0.utf8.count == 32 })
    }
}
