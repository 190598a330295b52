internal import ContentStore
internal import Glibc
internal import JobModel

/// What a person has set once for all commands of a home: `ROOT/config.yaml`, a line `key: value`
/// for each, with comments that stay where they are.
struct Configuration: Hashable, Sendable {
    /// Where a job goes that names no worker.
    var defaultWorker: JobSpec.PlacementRequest?

    /// The names of settings, as files and commands write them.
    enum Key: String, CaseIterable, Sendable {
        case defaultWorker = "default_worker"

        /// - Throws: `usage` with the nearest name.
        init(named text: String) throws(ShuntError) {
            if let key = Key(rawValue: text) {
                self = key
                return
            }
            let names = Key.allCases.map(\.rawValue)
            let near = EditDistance.nearest(to: text, among: names)
            throw ShuntError(
                .usage,
                "there is no setting `\(Quoting.truncated(Quoting.visible(text), to: 60))`; "
                    + (near.map { "did you mean `\($0)`?" }
                        ?? "there is " + names.map { "`\($0)`" }.joined(separator: ", ")),
                hint: "shunt config ls")
        }
    }

    /// What a setting says, as a file has it; `nil` where it is not set.
    func text(_ key: Key) -> String? {
        switch key {
        case .defaultWorker:
            switch defaultWorker {
            case .any: "any"
            case .worker(let name): name.text
            case nil: nil
            }
        }
    }

    /// Takes a value over.
    mutating func set(_ key: Key, _ text: String) throws(FieldError) {
        switch key {
        case .defaultWorker: defaultWorker = try FieldRules.placement(text)
        }
    }
}

/// The file that a ``Configuration`` is read from.
struct ConfigurationFile: Sendable {
    let path: String

    init(layout: HomeLayout) { path = layout.configurationFile }

    private static let limit = 64 << 10

    /// - Throws: `usage` for what is not understood, with its line: a setting that is passed over
    ///   would be one that does not hold.
    func read() throws -> Configuration {
        var configuration = Configuration()
        for (index, line) in try lines().enumerated() {
            guard let entry = Self.entry(line) else { continue }
            guard let entry else { throw failure(index, "wants `key: value`") }
            do throws(ShuntError) {
                let key = try Configuration.Key(named: entry.key)
                do throws(FieldError) {
                    try configuration.set(key, entry.value)
                } catch {
                    throw failure(index, "`\(key.rawValue)` \(error.problem)")
                }
            } catch {
                throw error.message.hasPrefix("`\(path)`") ? error : failure(index, error.message)
            }
        }
        return configuration
    }

    /// Replaces or adds the line of a setting, or removes it.
    func set(_ key: Configuration.Key, _ value: String?) throws {
        var lines = try lines()
        let line = value.map { "\(key.rawValue): \($0)" }
        let places = lines.indices.filter { (Self.entry(lines[$0]) ?? nil)?.key == key.rawValue }
        for place in places.dropFirst().reversed() { lines.remove(at: place) }
        if let place = places.first {
            if let line { lines[place] = line } else { lines.remove(at: place) }
        } else if let line {
            lines.append(line)
        }
        let text = lines.map { $0 + "\n" }.joined()
        try AtomicFile.replace(RawPath(path), with: Array(text.utf8))
    }

    private func lines() throws -> [String] {
        guard access(path, F_OK) == 0 else { return [] }
        let bytes = try SmallFile.read(RawPath(path), limit: Self.limit)
        var lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// - Returns: `nil` for a line without an entry; `.some(nil)` for one that is not understood.
    private static func entry(_ line: String) -> (key: String, value: String)?? {
        let text = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let trimmed = String(text).trimmingSpaces
        guard !trimmed.isEmpty else { return .none }
        let parts = trimmed.split(separator: ":", maxSplits: 1).map { String($0).trimmingSpaces }
        guard parts.count == 2, !parts[1].isEmpty else { return .some(nil) }
        return .some((parts[0], parts[1].trimmingQuotes))
    }

    private func failure(_ index: Int, _ problem: String) -> ShuntError {
        ShuntError(.usage, "`\(path)` line \(index + 1): \(problem)", hint: "$EDITOR \(path)")
    }
}

extension String {
    fileprivate var trimmingQuotes: String {
        for quote in ["\"", "'"] where count >= 2 && hasPrefix(quote) && hasSuffix(quote) {
            return String(dropFirst().dropLast())
        }
        return self
    }
}
