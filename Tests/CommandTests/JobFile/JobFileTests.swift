import JobModel
import Testing

@testable import shunt

@Suite struct JobFileTests {
    private func read(_ text: String) throws(ShuntError) -> JobFile {
        try JobFileReader.read(Array(text.utf8), name: "job.yaml")
    }

    private func failure(_ text: String) -> ShuntError? {
        do throws(ShuntError) {
            _ = try read(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func everyKeyIsRead() throws {
        let job = try read(
            """
            name: digits
            run: python train.py --epochs 3
            workdir: ./src/
            env:
              EPOCHS: 20
              DEBUG: true
              EMPTY: ""
            resources: {cpus: 0.5, memory: 8 GiB}
            environment:
              python: requirements.txt
            outputs:
              - model.joblib
              - ./results/*.csv
            max_duration: 1h30m
            on: any
            pull_limit: 10MB
            """)
        var expected = JobFile()
        expected.name = JobName("digits")
        expected.command = .shell("python train.py --epochs 3")
        expected.workingDirectory = "src"
        expected.environment = [
            .init(name: "EPOCHS", value: "20"), .init(name: "DEBUG", value: "true"),
            .init(name: "EMPTY", value: ""),
        ]
        expected.milliCPUs = 500
        expected.memory = .gibibytes(8)
        expected.software = .built(BuiltEnvironment(path: "requirements.txt"))
        expected.outputs = ["model.joblib", "results/*.csv"]
        expected.maximumDuration = .minutes(90)
        expected.placement = .any
        expected.pullLimit = ByteCount(10_000_000)
        #expect(job == expected)
    }

    @Test func aListIsACommandLineAndItsNumbersStayAsWritten() throws {
        #expect(
            try read("run: [python, train.py, --lr, 1e-3, '007']").command
                == .arguments(["python", "train.py", "--lr", "1e-3", "007"]))
    }

    @Test func anUnknownKeyShowsItsLineAndTheNearestKey() {
        #expect(
            failure("name: a\nrum: python train.py\n")?.message == """
                job.yaml:2:1: unknown key `rum`; did you mean `run`?
                 2 | rum: python train.py
                   | ^
                """)
    }

    @Test func aWrongTypeShowsWhereItStands() {
        #expect(
            failure("resources:\n  cpus: [2]\n")?.message == """
                job.yaml:2:9: `resources.cpus` wants text or a number, found a list
                 2 |   cpus: [2]
                   |         ^
                """)
    }

    @Test(arguments: [
        ("resources: 4", "1:12: `resources` wants a mapping"),
        ("run: 5", "1:6: `run` wants text or a list of words, found a number"),
        ("run: ~", "found nothing"),
        ("run: ''", "`run` is empty"),
        ("run: []", "`run` names no command"),
        ("run: [a, [b]]", "1:10: `run[1]` wants text or a number, found a list"),
        ("run: \"a\\0b\"", "NUL"),
        (
            "run: [echo, 3, true]",
            "found a truth value; quote it if it is meant as text: `\"true\"`"
        ),
        ("name: a b", "`name` wants 1 to 63 letters"),
        ("name: yes", "`name` wants text, found a truth value"),
        ("env: [A=1]", "`env` wants a mapping"),
        ("env: {2A: 1}", "`env` wants names of letters"),
        ("env: {A: ~}", "`env.A` wants text or a number, found nothing"),
        ("env: {SHUNT_HOME: x}", "shunt's own"),
        ("workdir: /tmp", "`workdir` wants a path below the directory"),
        ("workdir: a/../../b", "leads out of the directory"),
        ("outputs: .", "names the whole directory"),
        ("max_duration: 90", "`max_duration` wants text, found a number"),
        ("max_duration: 1m1h", "`max_duration` wants a time"),
        ("pull_limit: 2000TiB", "`pull_limit` wants an amount of bytes up to 1024TiB"),
        ("resources: {cpus: 0}", "wants a number of CPUs"),
        ("resources: {cpus: 1025}", "wants a number of CPUs"),
        ("resources: {cpus: 0.0001}", "wants a number of CPUs"),
        ("resources: {memory: 8}", "wants an amount of memory"),
        ("resources: {gpus: 1}", "`resources.gpus` is not supported yet"),
        ("nodes: 0", "`nodes` wants a number from 1 to 128"),
        ("launch: srun", "`launch` wants `torchrun` or `per-process`"),
        ("environment: {poetry: e.toml}", "`environment.poetry` is not supported yet"),
        ("environment: requirements.txt", "`environment` wants a mapping"),
        ("cpus: 2", "did you mean `resources.cpus`?"),
        ("command: x", "did you mean `run`?"),
        ("timeout: 5m", "did you mean `max_duration`?"),
        ("xyzzy: 1", "unknown key `xyzzy`"),
        ("name: a\nname: b", "`name` is given twice"),
        ("run: !foo bar", "no use for the tag"),
        ("- a", "a job file is a mapping of keys to values, found a list"),
        ("[a]: b", "a key is a word"),
        ("", "the file is empty"),
        ("a: b\n---\nc: d", "another document"),
        ("run: a: b", "mapping values are not allowed"),
        ("run: \u{1}", "control characters"),
        ("outputs: [*.csv]", "alphabetic or numeric"),
    ])
    func whatDoesNotDoIsRefused(_ text: String, _ expected: String) throws {
        let error = try #require(failure(text))
        #expect(error.code == .usage)
        #expect(error.message.contains(expected), "\(error.message)")
        #expect(error.hint?.isEmpty == false)
    }

    @Test func aTabIsNamedAsTheMistake() {
        let error = failure("env:\n\tA: 1\n")
        #expect(error?.message.contains("tabs") == true, "\(error?.message ?? "")")
        #expect(error?.hint == "sed -i 's/\\t/  /g' job.yaml")
    }

    @Test func textThatIsNotUnicodeIsRefusedWithItsLine() {
        let error = #expect(throws: ShuntError.self) {
            try JobFileReader.read(Array("name: a\nrun: ".utf8) + [0xff, 0x0a], name: "job.yaml")
        }
        #expect(error?.message.contains("line 2") == true)
    }

    @Test func aBombOfAliasesIsRefusedBeforeItIsRead() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) ["
                + String(
                    repeating: "*a\(level - 1), ", count: 9) + "x]\n"
        }
        #expect(failure(text + "? *a9\n: x")?.message.contains("at most 4 anchors") == true)
    }

    @Test func aFewAliasesDo() throws {
        let job = try read("env: {A: &a 1, B: *a}\nrun: 'sleep 1 && ls *foo & wait'")
        #expect(job.environment.map(\.value) == ["1", "1"])
    }

    @Test func nestingAndSizeAreBounded() {
        #expect(failure("run: " + String(repeating: "[", count: 100_000)) != nil)
        #expect(failure(String(repeating: "- ", count: 200_000)) != nil)
        #expect(
            failure("run: " + String(repeating: "x", count: 1 << 20))?.message.contains(
                "at most 1.0 MiB") == true)
    }

    @Test func aLongLineIsShownAroundItsPlace() throws {
        let padding = String(repeating: "x", count: 500)
        let error = try #require(failure("{name: '\(padding)', rum: y}"))
        let lines = error.message.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.count < 100 })
        let caret = try #require(lines[2].firstIndex(of: "^"))
        let column = lines[2].distance(from: lines[2].startIndex, to: caret)
        #expect(lines[1].dropFirst(column).hasPrefix("rum"), "\(error.message)")
    }

    /// Mutations of a good file: every one is read or refused, none crashes.
    @Test func mutationsAreReadOrRefused() {
        let seed = TestSeed.value
        var random = SplitMix(state: seed)
        let base = Array(
            "name: a\nrun: [x, 'y', \"z\"]\nenv: {A: &q 1, B: *q}\nresources:\n  cpus: 2\n".utf8)
        let signs = Array("[]{}:-?&*!|>'\"%@`#,\n\t \\0\u{0}\u{ff}".utf8)
        for _ in 0..<3000 {
            var bytes = base
            for _ in 0..<Int(random.next() % 6 + 1) {
                let place = Int(random.next() % UInt64(bytes.count))
                let sign = signs[Int(random.next() % UInt64(signs.count))]
                switch random.next() % 3 {
                case 0: bytes[place] = sign
                case 1: bytes.insert(sign, at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            do throws(ShuntError) {
                _ = try JobFileReader.read(bytes, name: "job.yaml")
            } catch {
                #expect(error.code == .usage, "seed \(seed): \(error.message)")
            }
        }
    }
}
