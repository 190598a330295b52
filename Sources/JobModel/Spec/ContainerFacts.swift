/// What a task's container is made of, as its worker found it.
package struct ContainerFacts: Hashable, Sendable, Codable {
    package var image: PinnedImage
    package var gpus: ContainerGPUs

    package init(image: PinnedImage, gpus: ContainerGPUs) {
        self.image = image
        self.gpus = gpus
    }
}

/// What the name of an image stood for when a job first asked for it: names move on, and every
/// later attempt of that job runs in this one.
package struct PinnedImage: Hashable, Sendable, Codable {
    /// Of its configuration: what engines call an image.
    package var id: Digest
    /// Of its manifest, by which a registry gives it out; `nil` where an engine tells none.
    package var manifest: Digest?

    package init(id: Digest, manifest: Digest? = nil) {
        self.id = id
        self.manifest = manifest
    }

    /// A name with this manifest in place of its tag: `docker.io/library/python@sha256:…`.
    ///
    /// - Returns: `nil` where no manifest is known.
    package func name(in name: String) -> String? {
        guard let manifest else { return nil }
        var repository = name[...]
        if let at = repository.firstIndex(of: "@") { repository = repository[..<at] }
        let base = repository.lastIndex(of: "/") ?? repository.startIndex
        // A colon before the last slash belongs to the registry's port.
        if let colon = repository[base...].lastIndex(of: ":") {
            repository = repository[..<colon]
        }
        return "\(repository)@sha256:\(manifest.hex)"
    }

    enum CodingKeys: String, CodingKey {
        case id
        case manifest = "digest"
    }
}

/// How a container was given the GPUs of its machine: all of them, as a job without a container
/// has them.
package enum ContainerGPUs: String, Hashable, Sendable, Codable, CaseIterable {
    /// By the machine's specification of them for containers (CDI).
    case cdi
    /// By the engine's own `--gpus`.
    case gpus
    /// The engine knows of none.
    case none
}
