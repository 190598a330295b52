import ContentStore
import JobModel
import Testing

@testable import shunt

/// Inventory files, read as job files are.
@Suite struct InventoryTests {
    private static func read(_ text: String) throws(ShuntError) -> [WorkerDescription] {
        try InventoryReader.read(Array(text.utf8), name: "inventory.yaml", configurationFile: nil)
    }

    @Test func aNameAloneIsAnAliasThatSaysAll() throws {
        let workers = try Self.read("workers:\n  gpu-1:\n  gpu-2: {}\n")
        #expect(workers.map(\.name.text) == ["gpu-1", "gpu-2"])
        #expect(workers.map(\.address.destination) == ["gpu-1", "gpu-2"])
        #expect(workers.allSatisfy { $0.address.transport == .libssh })
    }

    @Test func everyKeyIsRead() throws {
        let worker = try #require(
            try Self.read(
                """
                workers:
                  lab:
                    host: ada@lab.example.org:2222
                    dir: /scratch/agent
                    transport: openssh
                    host_key: SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDZa6BTXBYo2a5p2yU
                    labels: {gpu: a100, slots: 4, rented: }
                """
            ).first)
        #expect(worker.address.destination == "ada@lab.example.org")
        #expect(worker.address.port == 2222)
        #expect(worker.address.transport == .openssh)
        #expect(worker.directory == "/scratch/agent")
        #expect(worker.hostKey?.hasPrefix("SHA256:uNi") == true)
        #expect(worker.labels.map(\.description) == ["gpu=a100", "slots=4", "rented"])
    }

    @Test(arguments: [
        ("workers: {gpu-1: {hots: x}}", "did you mean `host`?"),
        ("wrokers: {}", "did you mean `workers`?"),
        ("workers: [gpu-1]", "wants a mapping"),
        ("workers: {local: {}}", "other than `local`"),
        ("workers: {a: {host: 'x y'}}", "wants [USER@]HOST[:PORT]"),
        ("workers: {a: {dir: rel}}", "wants an absolute path"),
        ("workers: {a: {transport: telnet}}", "wants `libssh` or `openssh`"),
        ("workers: {a: {password: x}}", "not supported"),
        ("workers: {a: {labels: [x]}}", "wants a mapping"),
        ("", "empty"),
    ])
    func aMistakeIsShownWhereItStands(_ text: String, _ words: String) {
        let error = #expect(throws: ShuntError.self) { try Self.read(text) }
        #expect(error?.code == .usage)
        #expect(error?.message.hasPrefix("inventory.yaml:1:") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func theExampleIsReadable() throws {
        let path = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let bytes = try SmallFile.read(
            RawPath("/" + path + "/agents/inventory.example.yaml"), limit: 1 << 20)
        let workers = try InventoryReader.read(bytes, name: "example", configurationFile: nil)
        #expect(workers.map(\.name.text) == ["gpu-1", "gpu-2", "cluster"])
    }
}
