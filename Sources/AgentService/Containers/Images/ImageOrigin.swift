internal import ContentStore
internal import JobModel

/// Where an image comes from on this machine, and what the engine calls it.
enum ImageOrigin: Hashable, Sendable {
    /// What a registry has under a name, or had when the job first asked for it.
    case registry(name: String, pinned: PinnedImage?)
    case build(tag: String, context: String, file: String, shown: String)
    /// An OCI layout in a directory.
    case layout(tag: String, directory: String, shown: String)
    case archive(tag: String, file: String, shown: String)
    /// An image in the store, as podman writes it into a directory.
    case shipped(tag: String, tree: TreeReference, shown: String)

    /// - Throws: ``ShuntError`` where the job's tree has nothing of the kind.
    init(
        _ container: ContainerSpec, pinned: PinnedImage?, tree: TreeReference, work: String,
        engine: ContainerEngine, _ store: ObjectStore
    ) throws {
        let shown = container.image.text
        func path(_ relative: String) -> String { relative.isEmpty ? work : work + "/" + relative }
        func missing(_ relative: String, _ what: String) -> ShuntError {
            ShuntError(
                .usage, "`\(relative)` is no \(what) in the snapshot of the job's directory",
                hint: "ls -l \(relative)")
        }
        switch container.image {
        case .named(let name): self = .registry(name: name, pinned: pinned)
        case .containerfile(let relative):
            let context = try BuildContext(
                at: relative, in: tree, ignoreFiles: engine.ignoreFiles, store)
            self = .build(
                tag: Self.tag("build", [context.digest.hex, context.file]),
                context: path(context.directory), file: context.file, shown: shown)
        case .layout(let relative):
            guard let digest = try TreeLookup.directory(relative, in: tree, store) else {
                throw missing(relative, "directory")
            }
            self = .layout(
                tag: Self.tag("layout", [digest.hex]), directory: path(relative), shown: shown)
        case .archive(let relative):
            guard case .file(let digest, _, _)? = try TreeLookup.node(relative, in: tree, store)
            else { throw missing(relative, "file") }
            self = .archive(
                tag: Self.tag("archive", [digest.hex]), file: path(relative), shown: shown)
        case .local:
            guard let image = container.tree else {
                throw ShuntError(
                    .usage, "the image `\(shown)` was not sent with its job",
                    hint: "shunt run --help")
            }
            self = .shipped(
                tag: Self.tag("shipped", [image.content.hex]), tree: image, shown: shown)
        }
    }

    /// Tells it from others: equal content has one name.
    var name: String {
        switch self {
        case .registry(let name, let pinned): pinned.map { "\(name) \($0.id.hex)" } ?? name
        case .build(let tag, _, _, _), .layout(let tag, _, _), .archive(let tag, _, _),
            .shipped(let tag, _, _):
            tag
        }
    }

    /// Under which the engine has it once it was made.
    var reference: String {
        switch self {
        case .registry(let name, let pinned): pinned?.name(in: name) ?? name
        case .build, .layout, .archive, .shipped: name
        }
    }

    /// Under which the engine may have it already.
    var references: [String] {
        switch self {
        case .registry(_, let pinned?): [pinned.id.hex, reference]
        case .registry(_, nil), .build, .layout, .archive, .shipped: [reference]
        }
    }

    /// Nobody but an agent gives an image its name.
    var isOurs: Bool {
        switch self {
        case .registry: false
        case .build, .layout, .archive, .shipped: true
        }
    }

    var isBuilt: Bool {
        if case .build = self { true } else { false }
    }

    /// What it is called on the shelf: `image-python-3.11-slim-0123456789ab`.
    func key(_ image: PinnedImage) -> String {
        let last = (isOurs ? reference : shown).split(separator: "/").last ?? ""
        let parts =
            isOurs
            ? last.dropFirst("shunt-".count).prefix { $0 != ":" }
            : last.prefix { $0 != "@" }
        let word = parts.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" }
        return ImageShelf.prefix + String(word.prefix(80)) + "-" + image.id.short
    }

    /// As the job calls it.
    var shown: String {
        switch self {
        case .registry(let name, _): name
        case .build(_, _, _, let shown), .layout(_, _, let shown), .archive(_, _, let shown),
            .shipped(_, _, let shown):
            shown
        }
    }

    var activity: String {
        switch self {
        case .registry(let name, _): "pulling the image `\(name)`"
        case .build: "building the image `\(shown)`"
        case .layout, .archive, .shipped: "loading the image `\(shown)`"
        }
    }

    private static func tag(_ kind: String, _ parts: [String]) -> String {
        let digest = ContentHasher.digest(of: Array(parts.joined(separator: "\n").utf8))
        return "localhost/shunt-\(kind):\(digest.hex.prefix(40))"
    }
}

extension ContainerEngine {
    /// What may say, in the directory of a build, which of its files the build does not see.
    fileprivate var ignoreFiles: [String] {
        switch self {
        case .podman: [".containerignore", ".dockerignore"]
        case .docker: [".dockerignore"]
        }
    }
}
