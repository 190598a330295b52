internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Ledger
internal import Synchronization

/// The configuration's rules on data, as they were read last.
final class CurrentRules: Sendable {
    private let read: @Sendable () -> DataRules
    private let last: Mutex<DataRules>

    init(_ read: @escaping @Sendable () -> DataRules) {
        self.read = read
        last = Mutex(read())
    }

    var current: DataRules { last.withLock { $0 } }

    /// Reads them again.
    ///
    /// - Returns: the rules, where they are others than before.
    func changed() -> DataRules? {
        let rules = read()
        return last.withLock { last in
            guard last != rules else { return nil }
            last = rules
            return rules
        }
    }
}

/// What jobs with labelled data have written: whoever submits such files again submits labelled
/// data. Kept in the ledger and here.
final class LabelledOutputs: Sendable {
    private let trees: Mutex<[TreeReference: Set<DataLabel>]>

    init(_ ledger: Ledger) throws {
        trees = Mutex(
            Dictionary(
                try ledger.labelledOutputs().map { ($0.tree, [$0.label]) },
                uniquingKeysWith: { $0.union($1) }))
    }

    /// Whether there are any.
    var isNeeded: Bool { trees.withLock { !$0.isEmpty } }

    /// Takes over what was committed.
    func note(_ jobs: [JobRecord]) {
        for job in jobs where !job.labels.isEmpty {
            trees.withLock { trees in
                for tree in job.outputTrees {
                    trees[tree, default: []].formUnion(job.labels)
                }
            }
        }
    }

    /// Files of a tree that a job with labelled data has written, one for each label. Empty files
    /// are nobody's. Blocks.
    ///
    /// - Throws: ``ShuntError`` where the store lacks a part of the tree.
    func files(of tree: TreeReference, in store: ObjectStore) throws -> [LabelledFile] {
        guard isNeeded else { return [] }
        let own = try store.objects(of: tree).files.filter { $0.size > 0 }.map(\.digest)
        let found = try labels(of: Set(own), in: store)
        guard !found.isEmpty else { return [] }
        let paths = try store.paths(of: Set(found.values), in: tree)
        return found.sorted { $0.key < $1.key }.map { label, digest in
            LabelledFile(label: label, path: paths[digest]?.description ?? "")
        }
    }

    /// Secrets that are such a file, whole. Blocks.
    func files(of secrets: [Secret], in store: ObjectStore) throws -> [LabelledFile] {
        guard isNeeded, !secrets.isEmpty else { return [] }
        let names = Dictionary(
            secrets.map { (ContentHasher.digest(of: $0.bytes), $0.name) },
            uniquingKeysWith: { first, _ in first })
        return try labels(of: Set(names.keys), in: store).sorted { $0.key < $1.key }
            .map { label, digest in
                LabelledFile(label: label, path: "--secret " + (names[digest] ?? ""))
            }
    }

    /// What these contents are labelled, with one of them for each label.
    private func labels(
        of own: Set<Digest>, in store: ObjectStore
    ) throws -> [DataLabel: Digest] {
        var found: [DataLabel: Digest] = [:]
        let known = trees.withLock { $0 }
        for (outputs, labels) in known where labels.contains(where: { found[$0] == nil }) {
            do {
                let shared = try store.objects(of: outputs).files.first { own.contains($0.digest) }
                guard let shared else { continue }
                for label in labels { found[label] = shared.digest }
            } catch let error as ShuntError where error.code == .notFound {
                // Never fetched, so nobody here can have them.
            }
        }
        return found
    }
}

extension Coordinator {
    /// Has the core know the configuration as it is now.
    func followRules() async {
        if let rules = rules.changed() { await inbox.post(.event(.rules(rules))) }
    }

    /// The inputs with the labels that files have from the jobs that wrote them, be they in the
    /// job's directory, in a package of its environment, in its image or handed over as a secret.
    func labelled(
        _ inputs: JobInputs, of spec: JobSpec, secrets: [Secret] = []
    ) async throws -> JobInputs {
        var inputs = inputs
        inputs.labelledFiles = []
        // Every link speaks of the one store of this coordinator, and `local` always has one.
        guard labelled.isNeeded, let content = ports.link(.local)?.content else { return inputs }
        let labelled = labelled
        inputs.labelledFiles = try await content.executor.run {
            try labelled.files(of: secrets, in: content.store)
        }
        for tree in [inputs.tree, spec.software?.recipe?.tree, spec.container?.tree] {
            guard let tree else { continue }
            do {
                let files = try await content.executor.run {
                    try labelled.files(of: tree, in: content.store)
                }
                let known = Set(inputs.labelledFiles.map(\.label))
                inputs.labelledFiles += files.filter { !known.contains($0.label) }
            } catch let error as ShuntError where error.code == .notFound {
                // A dry run stores no tree; a submission of one that is not there fails by itself.
            }
        }
        return inputs
    }
}
