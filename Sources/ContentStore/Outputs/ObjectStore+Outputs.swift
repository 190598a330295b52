internal import Glibc
internal import JobModel
internal import Synchronization

extension ObjectStore {
    /// Compares a task's directory with what was checked out there, and stores what is new or
    /// changed as a tree. Nothing in the directory is changed.
    ///
    /// ``BuiltInExcludes`` stay out, unless a pattern spells their name out. Files that are there
    /// unchanged are outputs only where they are named: whoever trains to the same model again
    /// still wants it, perhaps elsewhere. Deleted paths are reported. Blocks, on as many threads as
    /// there are processors.
    ///
    /// - Parameters:
    ///   - directory: the task's directory; its job is over.
    ///   - patterns: what `outputs:` names; `nil` for everything.
    ///   - mountPoints: where data of the machine was to be found, which is none of the job's.
    /// - Throws: ``ShuntError`` if the store or the directory fails as a whole.
    package func collectOutputs(
        of directory: RawPath, since baseline: Baseline, naming patterns: PathPatterns? = nil,
        leavingOut mountPoints: [RawPath] = []
    ) throws -> OutputCollection {
        try forPeople {
            let walk = OutputWalk(
                store: self, baseline: baseline, patterns: patterns,
                mountPoints: mountPoints, shown: directory,
                root: Checkout.Shared(
                    RootDirectory(
                        try Descriptor.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                        shown: directory)),
                budget: EntryBudget(Self.treeEntryLimit))
            try WorkQueue<OutputWalk.Work>.run(
                [.directory(.root)], width: walkWidth(), context: {},
                { work, _, queue in try walk.process(work, queue) })
            var assembly = OutputAssembly(store: self, baseline: baseline)
            return try assembly.assemble(walk)
        }
    }
}

/// Makes the tree of what an ``OutputWalk`` found, from the deepest directories up.
struct OutputAssembly {
    let store: ObjectStore
    let baseline: Baseline
    /// Finished directories, by the path of the one that holds them.
    private var children: [RawPath: [(entry: TreeEntry, metadata: Digest)]] = [:]

    init(store: ObjectStore, baseline: Baseline) {
        self.store = store
        self.baseline = baseline
    }

    mutating func assemble(_ walk: OutputWalk) throws -> OutputCollection {
        // A path sorts before what lies beneath it.
        let found = walk.findings.directories.sorted { $1.path < $0.path }
        let wanted = Set(
            found.flatMap { directory in
                directory.state.withLock { $0.wanted }.map { directory.path.appending($0) }
            })
        var result: (tree: TreeReference, totals: TreeTotals)?
        for directory in found {
            let built = try build(directory)
            let isOutput =
                built.directory != .empty
                || (directory.base == nil && wanted.contains(directory.path))
            if directory.path.isEmpty {
                result = (try insert(built), built.directory.totals)
            } else if isOutput {
                let tree = try insert(built)
                children[directory.path.parent, default: []].append(
                    (
                        TreeEntry(
                            name: directory.path.lastComponent,
                            node: .directory(tree.content, built.directory.totals)),
                        tree.metadata
                    ))
            }
        }
        for (index, text) in (walk.patterns?.texts ?? []).enumerated()
        where !walk.findings.matchedPatterns.contains(index) {
            walk.findings.warn(.matchedNothing(pattern: text))
        }
        let (warnings, warningCount) = walk.findings.warnings
        // The root is always found: without it the walk has thrown.
        return OutputCollection(
            tree: result!.tree, totals: result!.totals,
            deleted: deleted(found), warnings: warnings,
            warningCount: warningCount)
    }

    private mutating func build(
        _ found: FoundDirectory
    ) throws -> (directory: TreeDirectory, metadata: TreeMetadata) {
        var times: [[UInt8]: TreeMetadata.Entry] = [:]
        var entries: [TreeEntry] = []
        for (entry, modified) in found.state.withLock({ $0.entries }) {
            entries.append(entry)
            times[entry.name] = .modified(modified)
        }
        for (entry, metadata) in children.removeValue(forKey: found.path) ?? [] {
            entries.append(entry)
            times[entry.name] = .directory(metadata)
        }
        let directory = try TreeDirectory(entries: entries)
        return (
            directory,
            // Every entry came with its time, right above.
            TreeMetadata(
                modified: found.modified, entries: directory.entries.map { times[$0.name]! })
        )
    }

    private func insert(
        _ built: (directory: TreeDirectory, metadata: TreeMetadata)
    ) throws -> TreeReference {
        TreeReference(
            content: try store.insert(built.directory), metadata: try store.insert(built.metadata))
    }

    /// What the baseline has in directories that were looked through and is no longer there. What
    /// was left alone (excluded, not readable) was not looked through.
    private func deleted(_ found: [FoundDirectory]) -> DeletedPaths {
        var result = DeletedPaths()
        for directory in found.reversed() {
            guard let base = directory.base else { continue }
            let names = Set(directory.names)
            for entry in base where !names.contains(entry.name) {
                note(entry, at: directory.path.appending(entry.name), in: &result)
            }
            // The name is still there, and what was in the directory is not.
            for name in directory.state.withLock({ $0.replacedDirectories }).sorted(by: {
                $0.precedes($1)
            }) {
                let path = directory.path.appending(name)
                for entry in baseline.entries(of: path) ?? [] {
                    note(entry, at: path.appending(entry.name), in: &result)
                }
            }
        }
        result.paths.sort()
        return result
    }

    private func note(_ entry: Baseline.Entry, at path: RawPath, in result: inout DeletedPaths) {
        if result.paths.count < DeletedPaths.limit { result.paths.append(path) }
        result.files += entry.node == .directory ? files(beneath: path) : 1
    }

    private func files(beneath path: RawPath) -> Int {
        var count = 0
        var waiting = [path]
        while let current = waiting.popLast() {
            for entry in baseline.entries(of: current) ?? [] {
                if entry.node == .directory {
                    waiting.append(current.appending(entry.name))
                } else {
                    count += 1
                }
            }
        }
        return count
    }
}
