@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// What is told of a machine's GPUs to an engine.
@Suite struct GPUAccessTests {
    private static let json = """
        {
          "cdiVersion": "0.6.0",
          "kind": "nvidia.com/gpu",
          "devices": [{"name": "0", "containerEdits": {}}, {"name": "all", "containerEdits": {}}]
        }
        """
    private static let yaml = """
        ---
        cdiVersion: 0.5.0
        kind: nvidia.com/gpu
        devices:
            - name: "0"
            - containerEdits: {}
              name: all
        """

    @Test(
        arguments: [
            (json, ContainerGPUs.cdi), (yaml, .cdi), ("", .none),
            (json.replacing("nvidia.com/gpu", with: "amd.com/gpu"), .none),
            (json.replacing("\"all\"", with: "\"1\""), .none),
        ])
    func aSpecificationThatNamesAllGPUsIsUsed(_ text: String, _ way: ContainerGPUs) throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let name = text.hasPrefix("{") ? "nvidia.json" : "nvidia.yaml"
        try Files.write(Array(text.utf8), to: directory + "/" + name)
        try Files.write(Array(Self.json.utf8), to: directory + "/nvidia.json.disabled")
        let found = GPUAccess.specified(in: [directory + "/absent", directory])
        #expect(found.way == way)
        #expect(found.flags == (way == .cdi ? ["--device", "nvidia.com/gpu=all"] : []))
    }

    @Test func dockerGivesThemByItsRuntimeOrByTheirSpecification() {
        let runtime = GPUAccess(
            dockerInfo: #"{"Runtimes":{"nvidia":{"path":"x"},"runc":{"path":"runc"}}}"#)
        #expect(runtime.flags == ["--gpus", "all"])
        let devices = GPUAccess(
            dockerInfo: #"{"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}]}"#)
        #expect(devices.flags == ["--device", "nvidia.com/gpu=all"])
        let none = GPUAccess(dockerInfo: #"{"Runtimes":{"runc":{"path":"runc"}}}"#)
        #expect(none.way == .none && none.flags.isEmpty)
    }

    /// What a job that is given some of them will be told.
    @Test func someOfThemAreNamed() {
        var access = GPUAccess(.cdi)
        access.devices = ["GPU-1", "GPU-2"]
        #expect(
            access.flags == [
                "--device", "nvidia.com/gpu=GPU-1", "--device", "nvidia.com/gpu=GPU-2",
            ])
        access.way = .gpus
        #expect(access.flags == ["--gpus", "\"device=GPU-1,GPU-2\""])
    }
}
