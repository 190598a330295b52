internal import ContentStore
internal import Glibc
internal import JobModel

/// What a person has set once for all commands of a home: `ROOT/config.yaml`, a line `key: value`
/// for each (what is indented below it belongs to it), with comments that stay where they are.
struct Configuration: Hashable, Sendable {
    /// Where a job goes that names no worker.
    var defaultWorker: JobSpec.PlacementRequest?
    /// Which data must never come to which workers.
    var never: [DataRules.Rule] = []

    /// The names of settings, as files and commands write them.
    enum Key: String, CaseIterable, Sendable {
        case defaultWorker = "default_worker"
        case never

        /// A value for hints.
        var example: String {
            switch self {
            case .defaultWorker: "any"
            case .never: "'{private: rented}'"
            }
        }

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
            defaultWorker?.text
        case .never: never.isEmpty ? nil : DataRulesText.render(never)
        }
    }

    /// Takes a value over.
    mutating func set(_ key: Key, _ text: String) throws(FieldError) {
        switch key {
        case .defaultWorker: defaultWorker = try FieldRules.placement(text)
        case .never: never = try DataRulesText.parse(text)
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
        let lines = try lines()
        for place in Self.places(in: lines) {
            let index = place.lowerBound
            guard let entry = Self.entry(lines[place]) else {
                throw failure(index, "wants `key: value`")
            }
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

    /// The rules on data for a coordinator, which says why there are none where the file cannot be
    /// read.
    func dataRules() -> DataRules {
        do {
            return DataRules(never: try read().never)
        } catch {
            return DataRules(problem: "\((error as? ShuntError)?.message ?? "\(error)")")
        }
    }

    /// Replaces or adds the line of a setting, or removes it.
    func set(_ key: Configuration.Key, _ value: String?) throws {
        var lines = try lines()
        let line = value.map { "\(key.rawValue): \($0)" }
        let places = Self.places(in: lines).filter {
            Self.entry(lines[$0])?.key == key.rawValue
        }
        for place in places.dropFirst().reversed() { lines.removeSubrange(place) }
        if let place = places.first {
            lines.replaceSubrange(place, with: line.map { [$0] } ?? [])
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

    /// Where each setting stands, in their order: a line with what is indented below it.
    private static func places(in lines: [String]) -> [Range<Int>] {
        var places: [Range<Int>] = []
        for (index, line) in lines.enumerated() {
            let isIndented = line.first == " " || line.first == "\t"
            guard !line.trimmingSpaces.isEmpty, line.trimmingSpaces.first != "#" else { continue }
            if isIndented, let last = places.popLast() {
                places.append(last.lowerBound..<(index + 1))
            } else {
                places.append(index..<(index + 1))
            }
        }
        return places
    }

    /// - Returns: `nil` for what is not understood.
    private static func entry(_ lines: ArraySlice<String>) -> (key: String, value: String)? {
        guard let line = lines.first else { return nil }
        let text = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = String(text).trimmingSpaces
            .split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            .map { String($0).trimmingSpaces }
        let value = ([parts.last ?? ""] + lines.dropFirst()).joined(separator: "\n")
        guard parts.count == 2, !parts[0].isEmpty, !value.trimmingSpaces.isEmpty else { return nil }
        return (parts[0], lines.count == 1 ? value.trimmingQuotes : value)
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
