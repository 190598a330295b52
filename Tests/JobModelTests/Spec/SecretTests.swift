import Testing

@testable import JobModel

/// A secret says its name, and its bytes to nobody who does not ask for them.
struct SecretTests {
    private static let value = "s3cr3t-v4lue"
    private static let secret = Secret(name: "TOKEN", bytes: Array(value.utf8))

    @Test func noTextOfItHasItsBytes() throws {
        var request = SubmitRequest(
            clientKey: "k", spec: Sample.spec(), inputs: Sample.inputs(), confirmed: true)
        request.secrets = [Self.secret]
        var dumped = ""
        dump(request, to: &dumped)
        let bytes = "\(Self.secret.bytes)"
        for text in ["\(Self.secret)", "\([Self.secret])", "\(request)", dumped] {
            #expect(!text.contains(Self.value) && !text.contains(bytes), "\(text)")
            #expect(text.contains("TOKEN"))
        }
    }

    @Test func anyBytesComeThroughJSON() throws {
        let secret = Secret(name: "A", bytes: (1...255).map { UInt8($0) })
        let text = try JSON.text(secret)
        #expect(try JSON.value(text, as: Secret.self) == secret)
        #expect(throws: DecodingError.self) {
            try JSON.value(#"{"name":"A","value_hex":"0g"}"#, as: Secret.self)
        }
    }

    @Test func aNameIsOneOfAVariableAndOfAFile() {
        for name in ["HF_TOKEN", "_a", "A1"] { #expect(Secret.isName(name)) }
        let long = String(repeating: "A", count: 201)
        for name in ["", "1A", "a-b", "a.b", "../a", "a/b", "A=B", "é", "SHUNT_X", long] {
            #expect(!Secret.isName(name), "\(name)")
        }
    }

    @Test func whatCannotBeHandedOverIsSaidWithoutIt() {
        func problem(_ bytes: [UInt8]...) -> String? {
            Secret.problem(
                of: bytes.enumerated().map { Secret(name: "S\($0)", bytes: $1) })
        }
        #expect(problem() == nil)
        #expect(problem([1], [2]) == nil)
        #expect(problem([])?.contains("empty") == true)
        #expect(problem([65, 0])?.contains("NUL") == true)
        let large = [UInt8](repeating: 65, count: SecretLimits.bytes)
        #expect(problem(large) == nil)
        #expect(problem(large + [65])?.contains("64 KiB") == true)
        #expect(
            Secret.problem(
                of: (0..<9).map { Secret(name: "S\($0)", bytes: large) })?.contains("512 KiB")
                == true)
        #expect(Secret.problem(of: [Self.secret, Self.secret])?.contains("twice") == true)
        let many = (0...SecretLimits.count).map { Secret(name: "S\($0)", bytes: [65]) }
        #expect(Secret.problem(of: many)?.contains("64") == true)
    }

    /// Rows of a ledger that an earlier release wrote.
    @Test func aSpecWithoutSecretsIsAsItWas() throws {
        var spec = Sample.spec()
        let text = try JSON.text(spec)
        #expect(!text.contains("secrets"))
        #expect(try JSON.value(text, as: JobSpec.self) == spec)
        spec.secrets = ["A"]
        #expect(try JSON.text(spec).contains(#""secrets":["A"]"#))
    }
}
