internal import JobModel

/// What the names of an engine stand for. An archive brings names of its own along, and an engine
/// gives them to the image that it loads, whoever had them before. Blocks.
struct ImageNames: Sendable {
    private let engine: EngineCommand
    private let holders: [String: Digest]

    /// Looks at them as they are now.
    init(of engine: EngineCommand) throws {
        self.engine = engine
        holders = try Self.holders(engine)
    }

    /// Gives back what a loaded image has taken, and takes from it what nobody had.
    ///
    /// - Parameter own: the name that it is to keep.
    func restore(from image: Digest, except own: String) throws {
        for (name, holder) in try Self.holders(engine)
        where holder == image && name != own && holders[name] != image {
            let words =
                if let before = holders[name] {
                    ["tag", before.hex, name]
                } else {
                    switch engine.engine {
                    case .podman: ["untag", name, name]
                    // It has its own name by now, so that the image itself stays.
                    case .docker: ["rmi", name]
                    }
                }
            let answer = try engine.run(words, within: Self.patience)
            guard answer.isSuccess else {
                throw ShuntError(
                    .failed, "the name `\(name)` cannot be given back: \(answer.words)",
                    hint: "\(engine.engine.rawValue) images")
            }
        }
    }

    private static let patience = Milliseconds.minutes(2)

    private static func holders(_ engine: EngineCommand) throws -> [String: Digest] {
        let answer = try engine.run(
            ["images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"],
            within: patience)
        guard answer.isSuccess else {
            throw ShuntError(
                .failed, "\(engine.engine.rawValue) cannot list images: \(answer.words)",
                hint: "\(engine.engine.rawValue) images")
        }
        var holders: [String: Digest] = [:]
        for line in answer.text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let id = ImageFacts.digest(String(words[0])),
                !words[1].contains("<none>")
            else { continue }
            holders[String(words[1])] = id
        }
        return holders
    }
}
