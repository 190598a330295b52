internal import ContentStore
internal import Glibc
internal import JobModel

/// Has the engine pull, build or load one image. Blocks.
///
/// While it is at it there is a directory `making/MARK`, with the layout of an image that is
/// loaded, and the engine's own temporary files; see ``BuildLeftovers`` for the mark.
struct ImageMaker: Sendable {
    let origin: ImageOrigin
    let engine: EngineCommand
    let shelf: ImageShelf
    let store: ObjectStore
    let abort: AbortFlag
    /// See ``EngineAbilities/containers``.
    let containers: String

    private var mark: String { BuildLeftovers.mark(of: origin.name, in: shelf.work) }
    private var directory: String { shelf.work + "/" + mark }

    /// - Returns: the image, which is on the shelf then.
    /// - Throws: ``ShuntError`` with the engine's words; `CancellationError`.
    func make() throws -> ImageFacts {
        let leftovers = BuildLeftovers(
            directory: shelf.work, engine: engine, containers: containers)
        try removeDirectory()
        for path in [directory, directory + "/tmp"] {
            guard mkdir(path, 0o700) == 0 else {
                throw ShuntError(
                    .failed, "cannot make `\(path)`: \(String(cString: strerror(errno)))",
                    hint: "df -h \(shelf.work)")
            }
        }
        defer {
            // What is left is only space, and goes when the agent starts next.
            try? removeDirectory()
        }
        do {
            let pulled = try bring()
            guard let facts = try ImageFacts(origin.reference, in: engine) else {
                throw ShuntError(
                    .failed, "the image `\(origin.shown)` is not there although it was made",
                    hint: "\(engine.engine.rawValue) images")
            }
            try shelf.put(origin, facts, by: engine)
            for name in pulled where name != origin.reference { try shelf.putPulled(name, engine) }
            return facts
        } catch {
            if origin.isBuilt { leftovers.remove(mark) }
            throw error
        }
    }

    /// Nothing of it is removed where something is mounted in it.
    private func removeDirectory() throws {
        let mounts = SmallFile.text("/proc/self/mounts") ?? ""
        if mounts.contains(directory + "/") { return }
        try removeTree(at: RawPath(directory))
    }

    /// - Returns: what was pulled on the way.
    private func bring() throws -> [String] {
        switch origin {
        case .registry(let name, let pinned):
            let source = try pinned.map { try pinnedName(name, $0) } ?? name
            return try call(["pull", source], doing: "pulled").pulled
        case .build(let tag, let context, let file, _):
            // Its steps have the network that jobs have.
            var words = [
                "build", "--network=host", "--tag", tag, "--file", context + "/" + file,
            ]
            if engine.engine == .podman {
                words += ["--add-host", "\(mark):\(BuildLeftovers.address)"]
            }
            return try call(words + [context], doing: "built").pulled
        case .layout(let tag, let path, _): try loadLayout(path, as: tag)
        case .archive(let tag, let file, _): try loadArchive(file, as: tag)
        case .shipped(let tag, let tree, _):
            let path = directory + "/layout"
            _ = try store.checkOut(tree, into: RawPath(path))
            try load("dir:" + path, as: tag)
        }
        return []
    }

    /// What an earlier attempt ran in, as a registry is asked for it.
    private func pinnedName(_ name: String, _ image: PinnedImage) throws -> String {
        if let name = image.name(in: name) { return name }
        throw ShuntError(
            .notFound,
            "an earlier attempt ran in the image \(image.id.short) under the name `\(name)`, which "
                + "is not here, and no registry is known to have it",
            hint: "\(engine.engine.rawValue) images --no-trunc")
    }

    /// podman takes the path of a layout for the image's name, and names have no capital letters:
    /// it is given another path, and the name is taken away.
    private func loadLayout(_ path: String, as tag: String) throws {
        let link =
            BuildLeftovers.layoutLink + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        guard symlink(path, link) == 0 else {
            throw ShuntError(
                .failed, "cannot make `\(link)`: \(String(cString: strerror(errno)))",
                hint: "df -h /tmp")
        }
        defer { unlink(link) }
        try load("oci:" + link, as: tag)
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
        let names = try ImageNames(of: engine)
        let answer = try call(["pull", "--quiet", source], doing: "loaded")
        guard let id = answer.imageID else { throw failure("loaded", answer) }
        try call(["tag", id.hex, tag], doing: "named")
        try names.restore(from: id, except: tag)
    }

    private func loadArchive(_ file: String, as tag: String) throws {
        guard engine.engine != .podman else {
            try load("docker-archive:" + file, as: tag)
            return
        }
        let names = try ImageNames(of: engine)
        let answer = try call(["load", "--input", file], doing: "loaded")
        // `Loaded image: NAME`, `Loaded image ID: sha256:…`
        let line = answer.text.split(separator: "\n").last { $0.hasPrefix("Loaded image") }
        guard let name = line?.split(separator: " ").last else { throw failure("loaded", answer) }
        try call(["tag", String(name), tag], doing: "named")
        if let image = try ImageFacts(tag, in: engine)?.image.id {
            try names.restore(from: image, except: tag)
        }
    }

    @discardableResult
    private func call(
        _ arguments: [String], doing verb: String
    ) throws -> EngineCommand.Answer {
        var variables = ["\(BuildLeftovers.variable)=\(mark)"]
        // Without either of these an account's podman has its own state in this directory.
        if geteuid() == 0 || getenv("XDG_RUNTIME_DIR") != nil {
            variables.append("TMPDIR=\(directory)/tmp")
        }
        let answer = try engine.run(
            arguments, within: ContainerImages.limit, abort: abort, extra: variables,
            watchesRegistry: true)
        guard answer.isSuccess else { throw failure(verb, answer) }
        return answer
    }

    private func failure(_ verb: String, _ answer: EngineCommand.Answer) -> ShuntError {
        let name = engine.engine.rawValue
        let words = answer.words.isEmpty ? "\(name) did not say why" : answer.words
        let why =
            switch answer.ending {
            case .timedOut:
                "\(name) took longer than \(ContainerImages.limit.count / 60_000) minutes"
            case .stuck:
                "the registry did not answer for \(RegistryWatch.patience.count / 1000) s:\n"
                    + words
            case .signalled(let number): "\(name) was killed by signal \(number)\n\(words)"
            case .exited, .aborted, .tooLarge: words
            }
        return ShuntError(
            .failed, "the image `\(origin.shown)` could not be \(verb):\n\(why)",
            hint: words.contains("no space left on device") ? "df -h" : "\(name) images")
    }
}
