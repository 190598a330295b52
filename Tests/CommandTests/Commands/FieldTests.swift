import JobModel
import Testing

@testable import shunt

@Suite struct FieldTests {
    @Test(arguments: [
        ("1", 1000), ("0.5", 500), ("0.001", 1), ("1.25", 1250), ("1024", 1_024_000),
        ("2.0", 2000),
    ])
    func cpusAreThousandths(_ text: String, _ expected: Int64) throws {
        #expect(try FieldRules.milliCPUs(text) == expected)
    }

    @Test(arguments: [
        "", "0", "-1", "1.", ".5", "1.2345", "1e3", "1024.001", "٣", "1,5", "99999999999999999999",
        "1.2.3", "0x10",
    ])
    func whatIsNoNumberOfCPUsIsRefused(_ text: String) {
        #expect(throws: FieldError.self) { try FieldRules.milliCPUs(text) }
    }

    @Test func memoryHasItsUnit() throws {
        #expect(try FieldRules.memory("8GiB") == .gibibytes(8))
        for text in ["8", "1023KiB", "65TiB", "8 gigs", "-1GiB", ""] {
            #expect(throws: FieldError.self) { try FieldRules.memory(text) }
        }
    }

    @Test(arguments: [
        ("45s", 45_000), ("90m", 5_400_000), ("1h30m", 5_400_000), ("2d12h", 216_000_000),
        ("1d1h1m1s", 90_061_000),
    ])
    func durationsAreRead(_ text: String, _ milliseconds: Int64) throws {
        #expect(try FieldRules.duration(text) == Milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "90", "1m1h", "1h1h", "0s", "1.5h", "-1s", "4000d", "h", "9223372036854775807d",
    ])
    func whatIsNoDurationIsRefused(_ text: String) {
        #expect(throws: FieldError.self) { try FieldRules.duration(text) }
    }

    @Test func durationsAreShownByTheirLargestUnits() {
        let cases: [(Int64, String)] = [
            (0, "0.0s"), (450, "0.4s"), (12_345, "12s"), (185_000, "3m05s"),
            (7_800_000, "2h10m"), (443_000_000, "5d3h"),
        ]
        for (milliseconds, text) in cases {
            #expect(DurationText.describe(Milliseconds(milliseconds)) == text)
        }
        #expect(DurationText.age(Milliseconds(999)) == "now")
        #expect(DurationText.age(.minutes(61)) == "1h")
    }

    @Test(arguments: [
        ("a", "a"), ("./a//b/", "a/b"), ("a/../b", "b"), (".", ""), ("a/./..", ""),
        ("-x", "-x"), ("ä b", "ä b"),
    ])
    func pathsBelowTheDirectoryAreMadePlain(_ text: String, _ expected: String) throws {
        #expect(try FieldRules.relativePath(text) == expected)
    }

    @Test(arguments: ["", "/a", "..", "a/../..", "../a", "a\u{0}b"])
    func pathsThatLeadOutAreRefused(_ text: String) {
        #expect(throws: FieldError.self) { try FieldRules.relativePath(text) }
    }

    @Test func aVariableKeepsAllBehindItsFirstEqualsSign() throws {
        #expect(
            try FieldRules.variable("A=b=c") == JobSpec.EnvironmentVariable(name: "A", value: "b=c")
        )
        #expect(try FieldRules.variable("A=").value == "")
        for text in ["A", "=x", "1A=x", "A B=x", "SHUNT_JOB_ID=x", "Ä=x"] {
            #expect(throws: FieldError.self) { try FieldRules.variable(text) }
        }
    }

    @Test func quotedWordsAreReadBackByAShell() {
        #expect(Quoting.forShell("train.py") == "train.py")
        #expect(Quoting.forShell("") == "''")
        #expect(Quoting.forShell("it's") == "'it'\\''s'")
        #expect(Quoting.forShell("a b;c") == "'a b;c'")
    }

    @Test func textOfOthersCannotSpeakToATerminal() {
        #expect(Quoting.visible("a\u{1b}[31mb\nc\u{9b}\u{7f}") == "a\\x1b[31mb\\nc\\x9b\\x7f")
        #expect(Quoting.visible(path: [0x61, 0xff]) == "a\u{fffd}")
    }

    @Test func theNearestWordIsASlipOfTheFinger() {
        #expect(EditDistance.between("kitten", "sitting") == 3)
        #expect(EditDistance.between("abcd", "acbd") == 1)
        let keys = ["env", "environment"]
        #expect(EditDistance.nearest(to: "enviroment", among: keys) == "environment")
        #expect(EditDistance.nearest(to: "xyzzy", among: ["env", "run"]) == nil)
        #expect(EditDistance.nearest(to: String(repeating: "a", count: 9999), among: ["a"]) == nil)
    }
}
