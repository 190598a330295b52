@testable internal import AgentService
internal import ByteStream
internal import ContentStore
internal import Foundation
internal import JobModel
internal import Testing

/// The image of a later attempt, on a worker whose podman speaks to a registry.
@Suite(.serialized, .enabled(if: RealPodman.isHere, "these take root and podman"))
struct PinnedImageTests {
    @Test func aLaterAttemptGetsTheImageThatTheFirstFound() async throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let registry = try Registry(in: directory)
        defer {
            registry.process.terminate()
            for variable in registry.podman { unsetenv(variable.name) }
        }
        let name = "\(registry.address)/pinned:1"
        let worker = try Worker(directory + "/worker", podman: registry.podman)
        try registry.push(name, marked: "first", by: worker)
        let first = try await worker.image(name)
        #expect(first.manifest != nil)

        try registry.push(name, marked: "second", by: worker)
        let second = try await worker.image(name)
        #expect(second != first)
        // The one that is here is known by its ID, whatever has its name by now.
        #expect(try await worker.image(name, pinned: second) == second)
        // The other one is nowhere but in the registry, which knows it by its digest alone.
        _ = try worker.run("rmi", first.id.hex)
        #expect(try worker.run("image", "exists", first.id.hex) != .exited(0))
        #expect(try await worker.image(name, pinned: first) == first)
        #expect(try await worker.image(name) == second, "the name itself has not moved")
        let kept = try await worker.images.answer(.list, inUse: [])
        #expect(kept.count == 2)
        for image in kept { _ = try await worker.images.answer(.remove(key: image.key), inUse: []) }
        #expect(try worker.run("image", "exists", first.id.hex) != .exited(0))
        #expect(try worker.run("image", "exists", second.id.hex) != .exited(0))
    }

    @Test func anImageThatNoRegistryHasIsMissedByItsDigest() async throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let worker = try Worker(directory, podman: [])
        let gone = PinnedImage(id: try #require(Digest(hex: String(repeating: "1a", count: 32))))
        let error = await #expect(throws: ShuntError.self) {
            try await worker.image("localhost/shunt-no-such:1", pinned: gone)
        }
        #expect(error?.message.contains("an earlier attempt ran in the image 1a1a1a1a1a1a") == true)
    }
}

/// The part of an agent that has to do with images.
private struct Worker {
    let images: ContainerImages
    let directory: String

    /// - Parameter podman: variables for it.
    init(_ directory: String, podman variables: [(name: String, value: String)]) throws {
        try FileManager.default.createDirectory(
            atPath: directory + "/images", withIntermediateDirectories: true)
        self.directory = directory
        for variable in variables { setenv(variable.name, variable.value, 1) }
        try ImageShelf(directory: directory + "/images").prepare()
        images = ContainerImages(
            directory: directory + "/images",
            store: try ObjectStore(at: RawPath(directory + "/store")),
            executor: try BlockingExecutor(name: "images", threads: 2),
            disk: try BlockingExecutor(name: "disk", threads: 2))
    }

    func image(_ name: String, pinned: PinnedImage? = nil) async throws -> PinnedImage {
        let container = ContainerSpec(image: .named(name))
        let tree = TreeReference(
            content: try #require(Digest(hex: String(repeating: "0", count: 64))),
            metadata: try #require(Digest(hex: String(repeating: "0", count: 64))))
        let order = StartOrder(
            token: StartToken(
                coordinator: CoordinatorID(high: 0, low: 1), epoch: 1,
                task: TaskID(attempt: AttemptID(job: JobID(random: 1), number: 2), rank: 0),
                nonce: 1),
            spec: JobSpec(command: .arguments(["true"]), container: container), tree: tree,
            image: pinned)
        return try await images.image(
            for: container, of: order, in: directory, by: try await images.engine()
        ) { _ in }
    }

    func run(_ words: String...) throws -> HelperProcess.Ending {
        try EngineCommand.preferred(directory: directory).run(words, within: .minutes(1)).ending
    }
}

/// A registry on loopback: a real one, unpacked from Debian's package.
private struct Registry {
    let address: String
    let process = Process()
    let podman: [(name: String, value: String)]
    let directory: String

    init(in directory: String) throws {
        self.directory = directory
        let script =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path + "/registry.sh"
        let output = Pipe()
        let finder = Process()
        finder.executableURL = URL(fileURLWithPath: script)
        finder.standardOutput = output
        try finder.run()
        finder.waitUntilExit()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let program = text.trimmingCharacters(in: .newlines)
        address = "127.0.0.1:\(UInt16.random(in: 20_000...30_000))"
        podman = [("CONTAINERS_REGISTRIES_CONF", directory + "/registries.conf")]
        try Files.write(
            Array("[[registry]]\nlocation = \"\(address)\"\ninsecure = true\n".utf8),
            to: directory + "/registries.conf")
        try Files.write(
            Array(
                """
                version: 0.1
                storage: {filesystem: {rootdirectory: \(directory)/registry}}
                http: {addr: "\(address)"}
                log: {level: error, accesslog: {disabled: true}}

                """.utf8), to: directory + "/registry.yml")
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["serve", directory + "/registry.yml"]
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    /// Pushes an image that this podman does not keep.
    func push(_ name: String, marked mark: String, by worker: Worker) throws {
        let context = directory + "/" + mark
        try FileManager.default.createDirectory(
            atPath: context, withIntermediateDirectories: true)
        try Files.write(
            Array("FROM scratch\nCOPY mark /\n".utf8), to: context + "/Containerfile")
        try Files.write(Array((mark + address + directory).utf8), to: context + "/mark")
        // It retries until the registry has come up.
        for words in [
            ["build", "--quiet", "--tag", name, context], ["push", "--quiet", name], ["rmi", name],
        ] {
            let engine = try EngineCommand.preferred(directory: directory)
            let answer = try engine.run(words, within: .minutes(1))
            try #require(answer.isSuccess, "\(answer.words)")
        }
    }
}
