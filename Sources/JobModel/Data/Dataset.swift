/// The name of data that lies on workers already: the same data bears the same one on each of them.
package struct DatasetName: TextIdentifier {
    package let text: String

    package init?(_ text: String) {
        guard NameGrammar.accepts(text) else { return nil }
        self.text = text
    }
}

/// What a person says of data, such as `private`; ``DataRules`` are about these.
package struct DataLabel: TextIdentifier {
    package let text: String

    package init?(_ text: String) {
        guard NameGrammar.accepts(text) else { return nil }
        self.text = text
    }
}

/// Where a dataset lies on one worker, as a person declared it. Nothing of it is ever sent.
package struct Dataset: Hashable, Sendable, Codable {
    package let name: DatasetName
    /// A directory or a file there; absolute and normal, see ``isPath(_:)``.
    package let path: String
    /// Ascending, each once.
    package let labels: [DataLabel]

    package init(name: DatasetName, path: String, labels: [DataLabel] = []) {
        self.name = name
        self.path = path
        self.labels = Set(labels).sorted()
    }

    /// Whether a text is an absolute path without `.`, `..`, empty parts, NUL or newline, of at
    /// most 4,000 bytes; `/` itself is none.
    package static func isPath(_ text: String) -> Bool {
        guard text.hasPrefix("/"), text.utf8.count <= 4000,
            !text.utf8.contains(0), !text.utf8.contains(UInt8(ascii: "\n"))
        else { return false }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}

/// What a person changes of the datasets of one worker, at once.
package struct DatasetChange: Hashable, Sendable, Codable {
    /// Declared from now on, in place of what bore the same name.
    package var put: [Dataset]
    package var remove: [DatasetName]

    package init(put: [Dataset] = [], remove: [DatasetName] = []) {
        self.put = put
        self.remove = remove
    }
}

/// A dataset under a job's working directory.
package struct DataMount: Hashable, Sendable, Codable {
    /// Relative to the root of the snapshot, normal and never empty.
    package let target: String
    package let dataset: DatasetName

    package init(target: String, dataset: DatasetName) {
        self.target = target
        self.dataset = dataset
    }

    /// Whether a text is a relative path without `.`, `..`, empty parts and NUL, of at most 4,000
    /// bytes.
    package static func isTarget(_ text: String) -> Bool {
        guard text.utf8.count <= 4000, !text.utf8.contains(0) else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// Whether two mounts are in each other's way: at one path, or one within the other.
    package func overlaps(_ other: DataMount) -> Bool {
        target == other.target || target.hasPrefix(other.target + "/")
            || other.target.hasPrefix(target + "/")
    }
}

/// A job's mount on the worker that it was placed on.
package struct PlacedMount: Hashable, Sendable, Codable {
    package var mount: DataMount
    /// The dataset's path there.
    package var source: String

    package init(mount: DataMount, source: String) {
        self.mount = mount
        self.source = source
    }
}

/// Bounds of data in place.
package enum DataLimits {
    /// Of one job.
    package static let mounts = 100
    /// Of one worker.
    package static let datasets = 1000
    /// Of one dataset or one job.
    package static let labels = 100
}
