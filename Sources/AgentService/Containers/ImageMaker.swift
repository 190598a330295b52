internal import ContentStore
internal import Glibc
internal import JobModel

/// Has the engine pull, build or load one image. Blocks.
struct ImageMaker: Sendable {
    let origin: ImageOrigin
    let engine: EngineCommand
    /// For a layout while it is loaded.
    let directory: String
    let store: ObjectStore
    let abort: AbortFlag

    /// - Returns: the image's ID.
    /// - Throws: ``ShuntError`` with the engine's words; `CancellationError`.
    func make() throws -> String {
        switch origin {
        case .registry(let name):
            try call(["pull", "--quiet", name], doing: "pulled")
        case .build(let tag, let context, let file, _):
            try call(
                ["build", "--tag", tag, "--file", context + "/" + file, context], doing: "built")
        case .layout(let tag, let path, _): try loadLayout(path, as: tag)
        case .archive(let tag, let file, _): try loadArchive(file, as: tag)
        case .shipped(let tag, let tree, _):
            let path = directory + "/layout-\(tree.content.hex)"
            defer {
                // What is left is only space, and goes when the agent starts next.
                try? removeTree(at: RawPath(path))
            }
            try removeTree(at: RawPath(path))
            _ = try store.checkOut(tree, into: RawPath(path))
            try load("dir:" + path, as: tag)
        }
        return try identify(origin.name)
    }

    /// podman takes the path of a layout for the image's name, and names have no capital letters:
    /// it is given another path, and the name is taken away.
    private func loadLayout(_ path: String, as tag: String) throws {
        let link = "/tmp/shunt-layout-" + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        guard symlink(path, link) == 0 else {
            throw ShuntError(
                .failed, "cannot make `\(link)`: \(String(cString: strerror(errno)))",
                hint: "df -h /tmp")
        }
        defer { unlink(link) }
        try load("oci:" + link, as: tag)
        // It is there under its tag all the same.
        _ = try engine.run(["untag", tag, "localhost\(link):latest"], within: .minutes(2))
    }

    /// Has podman read an image where it lies.
    private func load(_ source: String, as tag: String) throws {
        guard engine.engine == .podman else {
            throw ShuntError(
                .refused,
                "the image `\(origin.shown)` is an OCI layout, which \(engine.engine.rawValue) "
                    + "cannot load",
                hint: "apt-get install podman")
        }
        let answer = try call(["pull", "--quiet", source], doing: "loaded")
        guard let id = answer.imageID else { throw failure("loaded", answer) }
        try call(["tag", id, tag], doing: "named")
    }

    private func loadArchive(_ file: String, as tag: String) throws {
        guard engine.engine != .podman else {
            try load("docker-archive:" + file, as: tag)
            return
        }
        let answer = try call(["load", "--input", file], doing: "loaded")
        // `Loaded image: NAME`, `Loaded image ID: sha256:…`
        let line = answer.text.split(separator: "\n").last { $0.hasPrefix("Loaded image") }
        guard let name = line?.split(separator: " ").last else { throw failure("loaded", answer) }
        try call(["tag", String(name), tag], doing: "named")
    }

    private func identify(_ name: String) throws -> String {
        let answer = try call(
            ["image", "inspect", "--format", "{{.Id}}", name], doing: "found")
        guard let id = answer.imageID else { throw failure("found", answer) }
        return id
    }

    @discardableResult
    private func call(
        _ arguments: [String], doing verb: String
    ) throws -> EngineCommand.Answer {
        let answer = try engine.run(arguments, within: ContainerImages.limit, abort: abort)
        guard answer.isSuccess else { throw failure(verb, answer) }
        return answer
    }

    private func failure(_ verb: String, _ answer: EngineCommand.Answer) -> ShuntError {
        let name = engine.engine.rawValue
        let why =
            answer.ending == .timedOut
            ? "\(name) took longer than \(ContainerImages.limit.count / 60_000) minutes"
            : answer.words.isEmpty ? "\(name) did not say why" : answer.words
        return ShuntError(
            .failed, "the image `\(origin.shown)` could not be \(verb):\n\(why)",
            hint: "\(name) images")
    }
}
