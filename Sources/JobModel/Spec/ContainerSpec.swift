/// The container that a job's command runs in, where it asks for one.
package struct ContainerSpec: Hashable, Sendable, Codable {
    package var image: ImageSource
    /// Size of `/dev/shm`; `nil` leaves it to the engine.
    package var sharedMemory: ByteCount?
    /// The content of an image that is shipped: layers are files named by their digests, so that
    /// those which a worker has are not sent.
    package var tree: TreeReference?

    package init(
        image: ImageSource, sharedMemory: ByteCount? = nil, tree: TreeReference? = nil
    ) {
        self.image = image
        self.sharedMemory = sharedMemory
        self.tree = tree
    }

    enum CodingKeys: String, CodingKey {
        case image
        case sharedMemory = "shm_size_bytes"
        case tree
    }
}

/// Where the image of a container comes from.
package enum ImageSource: Hashable, Sendable {
    /// What the worker's engine has under this name, or can pull.
    case named(String)
    /// Built on the worker from the job's own files: a Containerfile, or a directory that holds
    /// one. Relative to the root of the snapshot; empty is the root.
    case containerfile(String)
    /// An OCI layout among the job's files.
    case layout(String)
    /// A file of the job's that `docker save` or `podman save` wrote.
    case archive(String)
    /// An image of the engine on the machine that submits, shipped through the content store.
    case local(String)

    /// Reads what a person writes: `python:3.11-slim`, `./Containerfile`, `oci:./dir`,
    /// `docker-archive:x.tar`, `local:NAME`.
    ///
    /// - Returns: `nil` for what is none of them; paths must be normal ones that stay inside.
    package init?(_ text: String) {
        if text == "." {
            self = .containerfile("")
        } else if let path = Self.rest(of: text, after: "./") {
            guard Self.isPath(path) else { return nil }
            self = .containerfile(path)
        } else if let path = Self.path(in: text, after: "oci:") {
            guard Self.isPath(path) else { return nil }
            self = .layout(path)
        } else if let path = Self.path(in: text, after: "docker-archive:") {
            guard Self.isPath(path) else { return nil }
            self = .archive(path)
        } else if let name = Self.rest(of: text, after: "local:") {
            guard Self.isName(name) else { return nil }
            self = .local(name)
        } else {
            guard Self.isName(text) else { return nil }
            self = .named(text)
        }
    }

    /// As ``init(_:)`` reads it, paths without `./`.
    package var text: String {
        switch self {
        case .named(let name): name
        case .containerfile(""): "."
        case .containerfile(let path): "./" + path
        case .layout(let path): "oci:" + path
        case .archive(let path): "docker-archive:" + path
        case .local(let name): "local:" + name
        }
    }

    private static func rest(of text: String, after prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }

    /// The same with or without `./` at its head.
    private static func path(in text: String, after prefix: String) -> String? {
        rest(of: text, after: prefix).map { rest(of: $0, after: "./") ?? $0 }
    }

    private static func isPath(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return !text.utf8.contains(0) && text.utf8.count <= 4000
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// What an engine takes for a name, and never for a flag.
    private static func isName(_ text: String) -> Bool {
        func isWord(_ unit: UInt8) -> Bool {
            switch unit {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        return (1...512).contains(text.utf8.count) && text.utf8.first.map(isWord) == true
            && text.utf8.allSatisfy { isWord($0) || "._-/:@".utf8.contains($0) }
    }
}

/// The text, in JSON.
extension ImageSource: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let source = ImageSource(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` names no image")
        }
        self = source
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Runs containers on a worker.
package enum ContainerEngine: String, Hashable, Sendable, Codable, CaseIterable {
    case podman
    case docker
}
