internal import JobModel
internal import Yams

/// What an `environment.yml` may say: an environment is built from this one file, so nothing in it
/// may lead to another one.
enum CondaFile {
    /// Keys that mean something to conda and nothing here, or nothing that would be lost.
    private static let known: Set<String> = [
        "name", "prefix", "channels", "dependencies", "platforms", "category",
    ]

    /// - Parameter name: how messages call the file.
    /// - Throws: ``ShuntError`` that shows what is wrong.
    static func check(_ bytes: [UInt8], name: String) throws {
        let file = try JobFileText(name: name, bytes: bytes)
        try JobFileAliases.check(file)
        let root = try JobFileReader(file: file).compose()
        guard case .mapping(let mapping)? = root else {
            throw refusal(name, "is no mapping with `dependencies`")
        }
        for (key, value) in mapping {
            guard let word = key.string else { throw refusal(name, "has a key that is no word") }
            guard known.contains(word) else {
                throw refusal(
                    name,
                    word == "variables"
                        ? "sets `variables`, which belong under `env` of the job"
                        : "has the key `\(Quoting.visible(word))`, which is not known here")
            }
            if word == "dependencies" { try checkDependencies(value, name) }
        }
        guard mapping["dependencies"] != nil else { throw refusal(name, "has no `dependencies`") }
    }

    private static func checkDependencies(_ node: Node, _ name: String) throws {
        guard case .sequence(let items) = node else {
            throw refusal(name, "has `dependencies` that are no list")
        }
        for item in items {
            guard let pip = item.mapping?["pip"] else { continue }
            let lines = pip.sequence?.compactMap(\.string) ?? [pip.string].compactMap { $0 }
            try RequirementsFile.check(Array(lines.map { $0 + "\n" }.joined().utf8))
        }
    }

    private static func refusal(_ name: String, _ what: String) -> ShuntError {
        ShuntError(
            .usage, "`\(Quoting.visible(name))` \(what)",
            hint: "conda env export --from-history > environment.yml")
    }
}
