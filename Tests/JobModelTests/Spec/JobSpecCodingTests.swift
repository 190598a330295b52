import Foundation
import Testing

@testable import JobModel

/// The JSON that scripts read and ledgers keep: what is documented stays.
struct JobSpecCodingTests {
    @Test func aCommandIsATextForTheShellOrAList() throws {
        #expect(try JSON.text(JobSpec.Command.shell("a && b")) == #"{"shell":"a && b"}"#)
        #expect(
            try JSON.text(JobSpec.Command.arguments(["a", "b c"])) == #"{"arguments":["a","b c"]}"#)
        #expect(try JSON.value(#"{"shell":""}"#, as: JobSpec.Command.self) == .shell(""))
        #expect(
            try JSON.value(#"{"arguments":["a"],"shell":null}"#, as: JobSpec.Command.self)
                == .arguments(["a"]))
    }

    @Test func theShellGetsItsTextAsOneArgument() {
        #expect(JobSpec.Command.shell("a 'b").argumentVector == ["/bin/sh", "-c", "a 'b"])
        #expect(JobSpec.Command.arguments(["a", "b c"]).argumentVector == ["a", "b c"])
    }

    @Test(arguments: [
        "{}", #""true""#, #"["true"]"#, #"{"shell":["true"]}"#, #"{"arguments":"true"}"#,
        #"{"arguments":[1]}"#, #"{"arguments":null}"#, #"{"program":"true"}"#, "null",
    ])
    func anythingElseIsNoCommand(_ json: String) {
        #expect(throws: DecodingError.self) { try JSON.value(json, as: JobSpec.Command.self) }
    }

    @Test func aPlacementIsAWorkersNameOrAny() throws {
        let gpu = JobSpec.PlacementRequest.worker(Sample.name("gpu-1"))
        #expect(try JSON.text([.any, gpu] as [JobSpec.PlacementRequest]) == #"["any","gpu-1"]"#)
        #expect(
            try JSON.value(#"["any","local"]"#, as: [JobSpec.PlacementRequest].self)
                == [.any, .worker(.local)])
    }

    @Test(arguments: [#""""#, #""a b""#, #""-a""#, "1", "null", #"{"worker":"a"}"#])
    func anythingElseIsNoPlacement(_ json: String) {
        #expect(throws: DecodingError.self) {
            try JSON.value("[\(json)]", as: [JobSpec.PlacementRequest].self)
        }
    }

    static let exits: [(JobModel.ExitStatus, String)] = [
        (.exited(code: 7), #"{"code":7,"kind":"exited"}"#),
        (.signalled(signal: 9), #"{"kind":"signalled","signal":9}"#),
        (.execFailed(errno: 2), #"{"errno":2,"kind":"exec_failed"}"#),
        (.neverStarted, #"{"kind":"never_started"}"#),
        (.vanished, #"{"kind":"vanished"}"#),
    ]

    @Test(arguments: exits)
    func anExitSaysItsKind(_ exit: JobModel.ExitStatus, _ json: String) throws {
        #expect(try JSON.text(exit) == json)
        #expect(try JSON.value(json, as: JobModel.ExitStatus.self) == exit)
    }

    @Test(arguments: [
        "{}", #"{"kind":"exploded"}"#, #"{"kind":"exited"}"#, #"{"kind":"exited","signal":9}"#,
        #"{"kind":"exited","code":"7"}"#, #"{"kind":"exited","code":4294967296}"#,
        #"{"kind":"signalled","code":1}"#, #"{"kind":"exec_failed","code":1}"#, "7",
    ])
    func anythingElseIsNoExit(_ json: String) {
        #expect(throws: DecodingError.self) { try JSON.value(json, as: JobModel.ExitStatus.self) }
    }

    @Test func aSpecSaysItsUnits() throws {
        var spec = Sample.spec(Sample.resources(1500, 2), on: .worker(.local))
        spec.name = JobName("digits")
        spec.workingDirectory = "src"
        spec.environment = [.init(name: "A", value: "1")]
        spec.software = .recipe(
            EnvironmentRecipe(
                kind: .lock,
                tree: TreeReference(content: Sample.digest(0), metadata: Sample.digest(0)),
                python: PythonRange("3.11.2"), source: "/venv", packages: 12))
        spec.outputs = ["out/*"]
        spec.mounts = [DataMount(target: "data", dataset: DatasetName("set")!)]
        spec.labels = [DataLabel("private")!]
        spec.maximumDuration = .seconds(90)
        let zeros = String(repeating: "0", count: 64)
        let expected = [
            #"{"command":{"arguments":["train"]},"env":[{"name":"A","value":"1"}],"#,
            #""grace_ms":10000,"labels":["private"],"max_duration_ms":90000,"#,
            #""mounts":[{"dataset":"set","target":"data"}],"name":"digits","outputs":["out/*"],"#,
            #""placement":"local","pull_limit_bytes":1073741824,"#,
            #""resources":{"memory_bytes":2147483648,"milli_cpus":1500},"#,
            #""software":{"recipe":{"kind":"lock","packages":12,"python":"3.11","#,
            #""source":"/venv","tree":{"content":"\#(zeros)","metadata":"\#(zeros)"}}},"#,
            #""workdir":"src"}"#,
        ].joined()
        #expect(try JSON.text(spec) == expected)
        #expect(try JSON.value(expected, as: JobSpec.self) == spec)
    }

    @Test func whatASpecDoesNotSayMayBeAbsentAndNothingElse() throws {
        let spec = Sample.spec()
        let full = try JSONSerialization.jsonObject(with: Data(try JSON.text(spec).utf8))
        var object = try #require(full as? [String: Any])
        // An earlier release knew nothing of data.
        for key in object.keys.sorted() where !["mounts", "labels"].contains(key) {
            let value = object.removeValue(forKey: key)
            let data = try JSONSerialization.data(withJSONObject: object)
            #expect(throws: DecodingError.self, "\(key)") {
                try JSONDecoder().decode(JobSpec.self, from: data)
            }
            object[key] = value
        }
        #expect(object["name"] == nil && object["software"] == nil)
        // What a later release adds is left alone.
        object["nodes"] = 4
        let data = try JSONSerialization.data(withJSONObject: object)
        #expect(try JSONDecoder().decode(JobSpec.self, from: data) == spec)
    }

    @Test(arguments: [
        ("pull_limit_bytes", "-1"), ("pull_limit_bytes", "9223372036854775808"),
        ("pull_limit_bytes", "1.5"), ("grace_ms", "1e30"), ("max_duration_ms", #""1h""#),
        ("name", #""-""#), ("placement", #""a b""#), ("env", #"{"A":"1"}"#), ("outputs", #""o""#),
        ("resources", #"{"milli_cpus":-1,"memory_bytes":0}"#),
        ("resources", #"{"milli_cpus":1,"memory_bytes":-1}"#), ("resources", "1"),
        ("software", "{}"),
        ("software", #"{"recipe":{"kind":"lock","source":"v","tree":{"content":"abc"}}}"#),
    ])
    func valuesOutOfRangeAreAnError(_ key: String, _ json: String) throws {
        let full = try JSON.text(Sample.spec())
        // The last of two values for a key counts, in Foundation and elsewhere: so replace it.
        let object = try JSONSerialization.jsonObject(with: Data(full.utf8))
        var fields = try #require(object as? [String: Any])
        fields[key] = try JSONSerialization.jsonObject(
            with: Data(json.utf8), options: .fragmentsAllowed)
        let data = try JSONSerialization.data(withJSONObject: fields)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(JobSpec.self, from: data)
        }
    }
}
