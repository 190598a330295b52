import Testing

/// Command lines that are none.
@Suite struct UsageTests {
    private static let submissions: [([String], String)] = [
        (["--unknown"], "`--unknown`"), (["--cpu", "2"], "`--cpus`"), (["-x"], "`-x`"),
        (["--cpus", "two"], "`two`"), (["--cpus", "0"], "`0`"), (["--cpus", "-1"], "`--cpus"),
        (["--cpus", "1e3"], "`1e3`"), (["--cpus=nan"], "`nan`"), (["--cpus", ""], "`--cpus`"),
        (["--memory", "8"], "`8`"), (["--memory", "lots"], "`lots`"),
        (["--memory", "8GiBs"], "`8GiBs`"),
        (["--memory", "99999999999999999999GiB"], "`--memory`"),
        (["-e", "NAME"], "`NAME`"), (["-e", "2A=1"], "`2A`"), (["-e", "=1"], "`-e`"),
        (["-e", "SHUNT_HOME=/x"], "`SHUNT_HOME`"), (["-e", "A B=1"], "`A B`"),
        (["--name", "a b"], "`a b`"), (["--name", ""], "`--name`"), (["--on", "Bad!"], "`Bad!`"),
        (["--on", ""], "`--on`"), (["--output", "/abs"], "`/abs`"),
        (["--output", "../x"], "`../x`"), (["--output", ""], "`--output`"),
    ]

    @Test func aBadFlagOfASubmissionIsWrongUsage() async throws {
        try await ShuntHome.use { home in
            for (flags, named) in Self.submissions {
                try await home.expectSubmissionRefused(
                    flags + ["--", "touch", "ran"], code: 2, naming: [named])
            }
        }
    }

    private static let others: [([String], String)] = [
        (["ps", "--frob"], "`--frob`"), (["ps", "-o", "yaml"], "`yaml`"), (["ps", "x"], "`x`"),
        (["ps", "-o"], "`-o"), (["inspect", "-o", "wide", "x"], "`wide`"), (["inspect"], "<job>"),
        (["inspect", "a", "b"], "`b`"), (["wait"], "<jobs>"), (["cancel"], "<jobs>"),
        (["cancel", "--later", "x"], "`--later`"), (["pull"], "<job>"),
        (["pull", "x", "--into"], "`--into"), (["logs"], "<job>"),
        (["logs", "--tail", "ten", "x"], "`ten`"), (["logs", "--tail=-1", "x"], "`--tail`"),
        (["logs", "--tail", "99999999999999999999", "x"], "`99999999999999999999`"),
        (["logs", "--stdin", "x"], "`--stdin`"), (["worker", "ls", "-o", "xml"], "`xml`"),
        (["worker", "frob"], "`frob`"), (["coordinator", "frob"], "`frob`"),
        (["coordinator", "serve", "x"], "`x`"), (["submit", "--name"], "`--name"),
    ]

    @Test func aBadFlagOfAnotherCommandIsWrongUsage() async throws {
        try await ShuntHome.use { home in
            for (words, named) in Self.others {
                try await home.expectRefusal(words, code: 2, naming: [named])
            }
        }
    }

    @Test func aMistypedCommandNamesTheNearestOne() async throws {
        let slips = [
            (["cancle", "7f3k2a"], "cancel"), (["inspct", "-o", "json", "x"], "inspect"),
            (["worker", "sl", "x"], "ls"), (["subnit", "--", "true"], "submit"),
        ]
        try await ShuntHome.use { home in
            for (words, nearest) in slips {
                try await home.expectRefusal(
                    words, code: 2, naming: ["unknown command", "`\(nearest)`"])
            }
        }
    }

    @Test func withoutACommandAndWithoutAJobFileThereIsNothingToRun() async throws {
        try await ShuntHome.use { home in
            for words in [[], ["--"], ["--cpus", "1"]] {
                try await home.expectSubmissionRefused(
                    words, code: 2, naming: ["nothing to run"])
            }
            try await home.expectSubmissionRefused(["--", ""], code: 2, naming: ["empty"])
        }
    }

    @Test func wordsThatAreNotUnicodeAreRefusedAndNotReplaced() async throws {
        try await ShuntHome.use { home in
            for (command, code) in [("run", Int32(125)), ("submit", 2)] {
                let line = "exec shunt \(command) -- touch \"$(printf 'caf\\351')\""
                expectRefused(
                    try await home.shell(line), code: code, naming: ["argument", "UTF-8"])
            }
            #expect(try await home.jobs().isEmpty)
        }
    }
}
