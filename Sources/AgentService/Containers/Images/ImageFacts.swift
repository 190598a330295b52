internal import JobModel

/// What an engine says of an image that it has.
struct ImageFacts: Hashable, Sendable {
    var image: PinnedImage
    /// With layers that it shares with others.
    var size: ByteCount

    /// - Parameter name: or an ID.
    /// - Returns: `nil` where the engine has none of that name.
    init?(_ name: String, in engine: EngineCommand) throws {
        let format: String
        switch engine.engine {
        // Of an image for several architectures podman says here what the whole list is called.
        case .podman: format = "{{.Id}} {{.Size}} {{.Digest}}"
        case .docker: format = "{{.Id}} {{.Size}} {{json .RepoDigests}}"
        }
        let answer = try engine.run(
            ["image", "inspect", "--format", format, name], within: .minutes(2))
        guard answer.isSuccess else { return nil }
        self.init(answer.text)
    }

    /// A line of ID, size and what tells the manifest.
    init?(_ text: String) {
        for line in text.split(separator: "\n").reversed() {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard words.count >= 2, let id = Self.digest(words[0]), let size = Int64(words[1])
            else { continue }
            let manifest = words.count > 2 ? words[2].split { "@\",[]".contains($0) } : []
            image = PinnedImage(
                id: id, manifest: manifest.lazy.compactMap { Self.digest(String($0)) }.first)
            self.size = ByteCount(max(0, size))
            return
        }
        return nil
    }

    /// With or without `sha256:` in front.
    static func digest(_ text: String) -> Digest? {
        Digest(hex: text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...])
    }
}
