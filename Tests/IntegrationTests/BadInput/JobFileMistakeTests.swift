import Testing

/// Job files that are none, or ask for what there is not.
@Suite struct JobFileMistakeTests {
    /// A job file with a mistake, and how it is shown.
    struct Mistake: Sendable {
        var text: String
        /// `LINE:COLUMN`, both from 1.
        var place: String
        /// What the error line names beside its place.
        var names: [String]
        /// The line that is shown below the error.
        var line: String

        init(_ text: String, _ place: String, _ names: [String], shows line: String) {
            self.text = text
            self.place = place
            self.names = names
            self.line = line
        }
    }

    static let mistakes: [Mistake] = [
        // Syntax.
        Mistake("run: echo\nenv: [a\nname: x\n", "3:5", ["expected"], shows: "name: x"),
        Mistake("run: echo a: b\n", "1:12", ["mapping values"], shows: "run: echo a: b"),
        Mistake("run: echo\nenv:\n\tA: 1\n", "3:1", ["tab"], shows: " A: 1"),
        Mistake("run: 'echo\n", "2:1", ["in line 1 does not end"], shows: ""),
        Mistake("run: echo\noutputs: [*.csv]\n", "2:12", ["alphabetic"], shows: "outputs: [*.csv]"),
        Mistake("run: echo\n---\nrun: x\n", "2:1", ["document"], shows: "---"),
        // Unknown keys, with the nearest valid one.
        Mistake("run: echo\nnmae: x\n", "2:1", ["`nmae`", "`name`"], shows: "nmae: x"),
        Mistake(
            "run: echo\nresources:\n  memroy: 1GiB\n", "3:3",
            ["`resources.memroy`", "`resources.memory`"], shows: "  memroy: 1GiB"),
        Mistake("run: echo\ncpus: 2\n", "2:1", ["`resources.cpus`"], shows: "cpus: 2"),
        Mistake("run: echo\ntimeout: 5m\n", "2:1", ["`max_duration`"], shows: "timeout: 5m"),
        Mistake("run: echo\nxyzzy: 1\n", "2:1", ["`xyzzy`", "`run`"], shows: "xyzzy: 1"),
        Mistake("run: echo\nrun: ls\n", "2:1", ["`run`", "twice"], shows: "run: ls"),
        // Wrong types.
        Mistake("run: 5\n", "1:6", ["`run`", "a number"], shows: "run: 5"),
        Mistake("run: true\n", "1:6", ["`run`", "a truth value"], shows: "run: true"),
        Mistake("run: echo\nenv: [A]\n", "2:6", ["`env`", "a list"], shows: "env: [A]"),
        Mistake(
            "run: echo\nresources:\n  cpus: [2]\n", "3:9", ["`resources.cpus`", "a list"],
            shows: "  cpus: [2]"),
        Mistake("run: echo\nresources: 4\n", "2:12", ["a mapping"], shows: "resources: 4"),
        Mistake("run: echo\nenv: {A: ~}\n", "2:10", ["`env.A`"], shows: "env: {A: ~}"),
        Mistake("- echo\n", "1:1", ["a mapping", "a list"], shows: "- echo"),
        // Bad values.
        Mistake(
            "run: echo\nresources: {memory: 8}\n", "2:21", ["`resources.memory`", "`8`"],
            shows: "resources: {memory: 8}"),
        Mistake(
            "run: echo\nmax_duration: soon\n", "2:15", ["`max_duration`", "`soon`"],
            shows: "max_duration: soon"),
        Mistake("run: echo\nworkdir: ../up\n", "2:10", ["`../up`"], shows: "workdir: ../up"),
        Mistake("run: echo\nname: a b\n", "2:7", ["`name`", "`a b`"], shows: "name: a b"),
        Mistake(
            "run: echo\nenv: {SHUNT_X: 1}\n", "2:7", ["`SHUNT_X`"], shows: "env: {SHUNT_X: 1}"),
        Mistake("run: ''\n", "1:6", ["`run` is empty"], shows: "run: ''"),
        Mistake("run: []\n", "1:6", ["`run` names no command"], shows: "run: []"),
        // Keys of the design that are still to come.
        Mistake("run: echo\ngpus: 2\n", "2:1", ["`gpus`", "not supported"], shows: "gpus: 2"),
        Mistake(
            "run: echo\nmounts: x\n", "2:9", ["`mounts`", "a mapping"], shows: "mounts: x"),
        Mistake("run: echo\nsecrets: x\n", "2:10", ["secrets", "list"], shows: "secrets: x"),
        Mistake("run: echo\nsecrets: [a-b]\n", "2:11", ["letters"], shows: "secrets: [a-b]"),
        Mistake("run: echo\nsecrets: [A, A]\n", "2:14", ["`A` twice"], shows: "secrets: [A, A]"),
        Mistake(
            "run: echo\nsecrets: [{A: }]\n", "2:15", ["secrets.A"], shows: "secrets: [{A: }]"),
        Mistake("run: echo\narray: 9\n", "2:1", ["`array`", "not supported"], shows: "array: 9"),
        Mistake("run: echo\nretries: 3\n", "2:1", ["not supported"], shows: "retries: 3"),
        Mistake("run: echo\nschedule: 1\n", "2:1", ["not supported"], shows: "schedule: 1"),
        Mistake(
            "run: echo\non_unreachable: {requeue_after: 10m}\n", "2:1", ["not supported"],
            shows: "on_unreachable: {requeue_after: 10m}"),
        Mistake(
            "run: echo\nresources: {gpus: 1}\n", "2:13", ["`resources.gpus`", "not supported"],
            shows: "resources: {gpus: 1}"),
        Mistake(
            "run: echo\nenvironment: {poetry: e.yml}\n", "2:15", ["`environment.poetry`"],
            shows: "environment: {poetry: e.yml}"),
    ]

    @Test func aMistakeIsShownWhereItStands() async throws {
        try await ShuntHome.use { home in
            for mistake in Self.mistakes {
                try home.write("odd job.yaml", mistake.text)
                try await home.expectSubmissionRefused(
                    ["-f", "odd job.yaml"], code: 2,
                    naming: ["odd job.yaml:\(mistake.place): "] + mistake.names)
                let outcome = try await home.run("submit", "-f", "odd job.yaml")
                expectShown(mistake, outcome)
            }
        }
    }

    /// Below the error stands the line with its number, and a caret under the column.
    private func expectShown(_ mistake: Mistake, _ outcome: Outcome) {
        let lines = outcome.errorText.split(separator: "\n", omittingEmptySubsequences: false)
        let number = mistake.place.prefix { $0 != ":" }
        let margin = String(repeating: " ", count: number.count)
        let column = Int(mistake.place.split(separator: ":")[1]) ?? 0
        let caret = " \(margin) | " + String(repeating: " ", count: column - 1) + "^"
        #expect(lines.count == 6, "\(outcome.errorText)")
        #expect(lines.dropFirst().first == " \(number) | \(mistake.line)")
        #expect(lines.dropFirst(2).first.map(String.init) == caret, "\(outcome.errorText)")
    }

    @Test func theHintOfATabMendsTheFile() async throws {
        try await ShuntHome.use { home in
            try home.write("it's.yaml", "run: echo \"$A\"\nenv:\n\tA: through\n")
            let refused = try await home.run("run", "-f", "it's.yaml")
            let hint = refused.errorLines.last { $0.hasPrefix("hint: ") } ?? ""
            #expect(try await home.shell(String(hint.dropFirst(6))).code == 0, "\(hint)")
            let ran = try await home.run("run", "-q", "-f", "it's.yaml")
            #expect(ran.text == "through\n", "\(ran.errorText)")
        }
    }

    @Test func anAbsentJobFileIsNotFound() async throws {
        try await ShuntHome.use { home in
            try home.write("file", "\n")
            for name in ["nothere.yaml", "no/such/directory.yaml", "file/below.yaml"] {
                try await home.expectSubmissionRefused(
                    ["-f", name], code: 3, naming: ["`\(name)`"])
            }
        }
    }

    @Test func whatIsNoJobFileIsWrongUsage() async throws {
        try await ShuntHome.use { home in
            try home.write("directory/x", "")
            try home.write("empty.yaml", "")
            try home.write("only-name.yaml", "name: x\n")
            #expect(try await home.shell("printf 'run: caf\\351\\n' >latin.yaml").code == 0)
            #expect(try await home.shell("yes 'run: x' | head -c 2000000 >big.yaml").code == 0)
            for (name, said) in [
                ("directory", "directory"), ("empty.yaml", "empty"),
                ("only-name.yaml", "nothing to run"), ("latin.yaml", "line 1"),
                ("big.yaml", "has 1.9 MiB, and a job file at most"),
                ("-", "standard input"), ("/dev/null", "not a regular file"),
            ] {
                try await home.expectSubmissionRefused(["-f", name], code: 2, naming: [said])
            }
        }
    }

    @Test func whatTheFileNamesMustBeInTheDirectory() async throws {
        try await ShuntHome.use { home in
            try home.write("file", "\n")
            for text in ["workdir: absent", "workdir: file", "environment: {python: absent.txt}"] {
                try home.write("job.yaml", "run: echo\n\(text)\n")
                try await home.expectSubmissionRefused([], code: 2)
            }
        }
    }
}
