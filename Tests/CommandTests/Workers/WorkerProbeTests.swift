import JobModel
import Testing

@testable import shunt

/// What is read from a worker's shell.
@Suite struct WorkerProbeTests {
    private static func probe(_ lines: String...) -> WorkerProbe? {
        WorkerProbe(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    @Test func linesWithoutTheMarkArePassedOver() throws {
        let probe = try #require(
            Self.probe(
                "Welcome to gpu-1!", "SHUNT1 directory=/home/ada/a", "system=Plan9",
                "SHUNT1 system=Linux", "SHUNT1 end=1", "logout"))
        #expect(probe.directory == "/home/ada/a")
        #expect(probe.facts.platform.system == "linux")
    }

    @Test func aScriptThatDidNotComeToItsEndIsNoProbe() {
        #expect(Self.probe("SHUNT1 directory=/a", "SHUNT1 system=Linux") == nil)
        #expect(Self.probe() == nil)
    }

    @Test func whatWasNotFoundIsNotGuessed() throws {
        let probe = try #require(Self.probe("SHUNT1 directory=/a", "SHUNT1 end=1"))
        #expect(probe.facts.cpus == nil)
        #expect(probe.facts.memory == nil)
        #expect(probe.facts.disk == nil)
        #expect(probe.facts.python == nil)
        #expect(probe.facts.gpus.isEmpty)
        #expect(probe.agent == .missing)
    }

    @Test func amountsThatAreNoneAreLeftOut() throws {
        let probe = try #require(
            Self.probe(
                "SHUNT1 directory=/a", "SHUNT1 memory_kib=-5", "SHUNT1 free_kib=99999999999999999",
                "SHUNT1 cpus=many", "SHUNT1 end=1"))
        #expect(probe.facts.memory == nil)
        #expect(probe.facts.disk == nil)
        #expect(probe.facts.cpus == nil)
    }

    /// As drivers 470 to 570 print them with `--format=csv,noheader,nounits`.
    @Test func devicesOfNvidiaSMIAreRead() throws {
        let a100 =
            "NVIDIA A100-SXM4-80GB, GPU-5f2b6a6e-4c3d-6d5e-0f1a-2b3c4d5e6f70, 81920, 550.54.15"
        let read = try #require(WorkerProbe.gpu(a100))
        #expect(read.gpu.name == "NVIDIA A100-SXM4-80GB")
        #expect(read.gpu.memory == .mebibytes(81920))
        #expect(read.driver == "550.54.15")
        let grace = "NVIDIA GH200, GPU-1a2b, [N/A], 570.86"
        #expect(WorkerProbe.gpu(grace)?.gpu.memory == .zero)
        for line in ["", "No devices were found", "a, b, c, d", "x, GPU-1"] {
            #expect(WorkerProbe.gpu(line) == nil, "\(line)")
        }
    }

    @Test func toolsAreReadByTheFirstWordWithADigit() throws {
        let probe = try #require(
            Self.probe(
                "SHUNT1 directory=/a", "SHUNT1 engine=podman podman version 4.3.1",
                "SHUNT1 engine=docker Docker version 28.2.2, build 1", "SHUNT1 uv=uv 0.4.18 (x)",
                "SHUNT1 engine=apptainer ", "SHUNT1 end=1"))
        #expect(
            probe.facts.engines == [
                WorkerFacts.Tool(name: "podman", version: "4.3.1"),
                WorkerFacts.Tool(name: "docker", version: "28.2.2"),
            ])
        #expect(probe.facts.uv?.version == "0.4.18")
    }

    @Test(arguments: [
        ("4.18.0-553.el8_10.x86_64", true), ("6.1.0-18-amd64", true), ("5.4", true),
        ("4.17.9", false), ("3.10.0-1160.el7", false), ("2.6.32", false),
    ])
    func kernelsBefore418AreTooOld(_ release: String, _ isNew: Bool) {
        #expect(WorkerInspection.isNewEnough(release) == isNew)
    }

    @Test func onlyPathsThatEveryShellLeavesAloneAreTaken() {
        for path in ["/home/ada/.local/share/shunt-agent/gpu-1-0a1b2c3d", "/scratch/a_b@c,d+e"] {
            #expect(RemoteDirectory.accepts(path), "\(path)")
        }
        for path in [
            "", "/", "relative", "/a b", "/a'b", "/a$b", "/a!b", "/a\\b", "/a\nb", "/ä", "/a~b",
            "/" + String(repeating: "a", count: 300),
        ] {
            #expect(!RemoteDirectory.accepts(path), "\(path)")
        }
    }
}

/// What people say about a worker.
@Suite struct WorkerFieldTests {
    @Test(arguments: [
        ("gpu-1", "gpu-1", nil as UInt16?), ("ada@gpu-1", "ada@gpu-1", nil),
        ("ada@gpu-1:2222", "ada@gpu-1", 2222), ("[::1]:22", "::1", 22), ("::1", "::1", nil),
        ("ada@[fe80::1]", "ada@fe80::1", nil), ("a@b@host", "a@b@host", nil),
    ])
    func addressesAreTakenApart(_ text: String, _ destination: String, _ port: UInt16?) throws {
        let read = try AddressText.parse(text)
        #expect(read.destination == destination)
        #expect(read.port == port)
    }

    @Test(arguments: [
        "", "-oProxyCommand=x", "a b", "host:", "host:0", "host:70000", "host:x", "@host",
        "[::1", "[::1]x", "user@", "user@-x",
    ])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(throws: FieldError.self) { try AddressText.parse(text) }
    }

    @Test func localAndAnyAreNoNamesOfWorkers() {
        for text in ["local", "any", "", "a b", "-x"] {
            #expect(throws: FieldError.self, "\(text)") { try WorkerFields.name(text) }
        }
    }

    @Test func aFingerprintIsAsSSHKeygenPrintsIt() throws {
        let good = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDZa6BTXBYo2a5p2yU"
        #expect(try WorkerFields.hostKey(good) == good)
        for text in ["", "SHA256:", "MD5:aa:bb", String(good.dropLast()), good + "="] {
            #expect(throws: FieldError.self, "\(text)") { try WorkerFields.hostKey(text) }
        }
    }
}
