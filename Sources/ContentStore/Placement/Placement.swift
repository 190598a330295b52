internal import Glibc
internal import JobModel

/// One placement: the walk over the outputs, and what is yet to be written.
struct Placement {
    private let store: ObjectStore
    private let request: PlacementRequest
    private let root: Checkout.Shared
    private let judge: PlacementJudge
    private let writer: PlacementWriter
    private let budget = EntryBudget(ObjectStore.treeEntryLimit)
    private var waiting: [PlacementWriter.Item] = []
    private var report = PlacementReport()
    private var matched: Set<Int> = []
    private var told: Set<PlacementConflict> = []
    /// Directories that were made, parents first.
    private var made: [RawPath] = []

    /// How often a name that others take meanwhile is decided anew.
    private static let attempts = 8
    private static let besideLimit = 1000

    init(
        store: ObjectStore, request: PlacementRequest, root: Checkout.Shared,
        known: ObjectStore.KnownDigest?
    ) {
        self.store = store
        self.request = request
        self.root = root
        judge = PlacementJudge(known: known, shown: request.target)
        writer = PlacementWriter(
            store: store, root: root, label: request.label, shown: request.target)
    }

    /// A directory of the outputs.
    private struct Directory {
        /// Where it stands in the outputs; what patterns and the report speak of.
        var path: RawPath
        /// Where it goes, which is elsewhere when something else has its name.
        var target: RawPath
        var content: Digest
        var metadata: Digest
        /// The directory of the base at the same path.
        var base: Digest?
        /// Set where it, or one above it, goes elsewhere: told once something in it is wanted.
        var conflict: PlacementConflict?
    }

    mutating func run() throws -> PlacementReport {
        do {
            try placeAll()
        } catch {
            removeEmptyDirectories()
            throw error
        }
        report.placed.sort()
        report.unchanged.sort()
        report.conflicts.sort { $0.path < $1.path }
        report.refused.sort()
        let texts = request.patterns?.texts ?? []
        report.unmatched = texts.indices.filter { !matched.contains($0) }.map { texts[$0] }
        return report
    }

    private mutating func placeAll() throws {
        var directories = [
            Directory(
                path: .root, target: .root, content: request.outputs.content,
                metadata: request.outputs.metadata, base: request.base?.content)
        ]
        while let directory = directories.popLast() {
            directories += try place(directory)
            if waiting.count >= PlacementWriter.batchLength { try writeWaiting() }
        }
        try writeWaiting()
    }

    /// What was made for files that then did not come.
    private func removeEmptyDirectories() {
        for path in made.reversed() {
            do {
                try root.directory.openDirectory(path.parent).unlink(
                    path.lastComponent, flags: AT_REMOVEDIR, shownAs: request.target)
            } catch {
                // Something was placed in it; and one that stays is empty, and in nobody's way.
            }
        }
    }

    /// Decides about the files of a directory.
    ///
    /// - Returns: the directories in it.
    private mutating func place(_ directory: Directory) throws -> [Directory] {
        let content = try store.directory(directory.content, at: directory.path)
        let metadata = try store.metadata(
            directory.metadata, of: content, at: directory.path)
        try budget.take(content.entries.count)
        let base = try directory.base.flatMap { try baseDirectory($0, at: directory.path) }
        var children: [Directory] = []
        for (entry, time) in zip(content.entries, metadata.entries) {
            let path = directory.path.appending(entry.name)
            guard entry.name != BuiltInExcludes.alwaysExcluded else {
                report.refused.append(path)
                continue
            }
            let target = directory.target.appending(entry.name)
            let before = base?[entry.name]?.node
            switch (entry.node, time) {
            case (.directory(let digest, _), .directory(let times)):
                var child = Directory(
                    path: path, target: target, content: digest, metadata: times, base: nil,
                    conflict: directory.conflict)
                if case .directory(let digest, _)? = before { child.base = digest }
                try settle(&child, before)
                children.append(child)
            case (_, .modified(let modified)):
                guard isWanted(path) else { continue }
                if case .symlink(let link) = entry.node,
                    !linkStaysInside(target: link, linkAt: target)
                {
                    report.refused.append(path)
                    continue
                }
                try consider(
                    PlacementWriter.Item(
                        original: path, target: target, path: target, node: entry.node,
                        base: before, modified: modified, conflict: directory.conflict))
            case (_, .directory):
                // Does not occur: the metadata fits.
                continue
            }
            if waiting.count >= PlacementWriter.batchLength { try writeWaiting() }
        }
        return children
    }

    private mutating func isWanted(_ path: RawPath) -> Bool {
        guard let patterns = request.patterns else { return true }
        let indices = patterns.matching(path)
        matched.formUnion(indices)
        return !indices.isEmpty
    }

    /// A directory of the base; `nil` where the store has lost it: what stands here is then kept,
    /// since it may be edited, and the job's version put beside it.
    private func baseDirectory(_ digest: Digest, at path: RawPath) throws -> TreeDirectory? {
        do {
            return try store.directory(digest, at: path)
        } catch let error as ShuntError where error.code == .notFound {
            return nil
        }
    }

    /// Takes the place of something that is no directory, if that is as it was in the base, or else
    /// sends the directory elsewhere; and makes it if it is wanted itself.
    ///
    /// - Parameter before: what the base has at its path.
    private mutating func settle(_ directory: inout Directory, _ before: TreeNode?) throws {
        guard directory.path.bytes.count <= RootDirectory.longestPath else {
            throw ShuntError(
                .refused, "a path in the outputs is longer than 16 KiB: `\(directory.path)`",
                hint: "shunt pull \(request.label) --into /tmp/\(request.label)")
        }
        if let parent = try openIfThere(directory.target.parent),
            let mine = try parent.status(
                of: directory.target.lastComponent, shownAs: request.target),
            mine.kind != .directory, try !replaces(directory, before, in: parent)
        {
            let beside = try freeDirectory(beside: directory.target, in: parent)
            if directory.conflict == nil {
                directory.conflict = PlacementConflict(
                    path: directory.path, beside: beside, cause: .noDirectoryHere)
            }
            directory.target = beside
            directory.base = nil
        }
        if isWanted(directory.path) {
            try makeDirectories(directory.target)
            note(directory.conflict)
        }
    }

    /// - Returns: whether the directory stands now where something unchanged since the snapshot
    ///   was. Nothing gives way to a directory of which nothing is wanted.
    private func replaces(
        _ directory: Directory, _ before: TreeNode?, in parent: borrowing Descriptor
    ) throws -> Bool {
        guard try holdsWanted(directory.content, at: directory.path) else { return false }
        let theirs = TreeNode.directory(directory.content, .zero)
        guard
            case .replace(let status) = try judge.decide(
                theirs, base: before, at: directory.target, in: parent)
        else { return false }
        return try writer.replaceWithDirectory(directory.target, expecting: status)
    }

    /// Whether a directory of the outputs, or anything in it, was asked for.
    private func holdsWanted(_ content: Digest, at path: RawPath) throws -> Bool {
        guard let patterns = request.patterns else { return true }
        var waiting = [(content, path)]
        while let (digest, path) = waiting.popLast() {
            if !patterns.matching(path).isEmpty { return true }
            for entry in try store.directory(digest, at: path).entries {
                let inner = path.appending(entry.name)
                if case .directory(let child, _) = entry.node {
                    waiting.append((child, inner))
                } else if !patterns.matching(inner).isEmpty {
                    return true
                }
            }
        }
        return false
    }

    /// The first name beside `path` that is free or a directory.
    private func freeDirectory(
        beside path: RawPath, in parent: borrowing Descriptor
    ) throws -> RawPath {
        for attempt in 1...Self.besideLimit {
            let name = besideName(path.lastComponent, label: request.label, attempt: attempt)
            let mine = try parent.status(of: name, shownAs: request.target)
            if mine == nil || mine?.kind == .directory { return path.parent.appending(name) }
        }
        throw noRoom(beside: path)
    }

    private func openIfThere(_ path: RawPath) throws -> Descriptor? {
        do throws(SystemError) {
            return try root.directory.openDirectory(path)
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    /// `mkdir -p` beneath the target, under the person's umask.
    private mutating func makeDirectories(_ path: RawPath) throws {
        var missing: [RawPath] = []
        var current = path
        while !current.isEmpty {
            if try openIfThere(current) != nil { break }
            missing.append(current)
            current = current.parent
        }
        for path in missing.reversed() {
            let parent = try root.directory.openDirectory(path.parent)
            do throws(SystemError) {
                try parent.makeDirectory(
                    path.lastComponent, mode: 0o777,
                    shownAs: request.target.appending(path.bytes))
                made.append(path)
            } catch {
                guard error.code == EEXIST else { throw error }
            }
        }
    }

    /// Decides about one file or symlink, and has it written if need be.
    private mutating func consider(_ item: PlacementWriter.Item) throws {
        var item = item
        item.path = item.target
        item.replaced = nil
        let decision: PlacementDecision
        if let folder = try openIfThere(item.target.parent) {
            decision = try judge.decide(
                item.node, base: item.base, at: item.target, in: folder)
        } else {
            decision = .create
        }
        switch decision {
        case .create: break
        case .keep:
            report.unchanged.append(item.original)
            note(item.conflict)
            return
        case .replace(let status): item.replaced = status
        case .beside(let cause):
            item.cause = cause
            guard let beside = try besidePath(item) else { return }
            item.path = beside
        }
        try makeDirectories(item.path.parent)
        waiting.append(item)
    }

    /// Where the item goes that found its name taken.
    ///
    /// - Returns: `nil` if it lies there already, from an earlier placement.
    private mutating func besidePath(_ item: PlacementWriter.Item) throws -> RawPath? {
        let taken = Set(waiting.map(\.path))
        let folder = try root.directory.openDirectory(item.path.parent)
        for attempt in 1...Self.besideLimit {
            let beside = item.target.parent.appending(
                besideName(item.target.lastComponent, label: request.label, attempt: attempt))
            if taken.contains(beside) { continue }
            switch try judge.decide(item.node, base: nil, at: beside, in: folder) {
            case .create: return beside
            case .keep:
                report.conflicts.append(
                    PlacementConflict(path: item.original, beside: beside, cause: item.cause))
                return nil
            case .replace, .beside: continue
            }
        }
        throw noRoom(beside: item.target)
    }

    private func noRoom(beside path: RawPath) -> ShuntError {
        ShuntError(
            .failed, "too many files lie beside `\(path)` already",
            hint: "shunt pull \(request.label) --into \(request.label)")
    }

    private mutating func writeWaiting() throws {
        for _ in 0..<Self.attempts where !waiting.isEmpty {
            let items = waiting
            waiting = []
            let outcomes = try writer.write(items)
            for (item, outcome) in zip(items, outcomes) {
                switch outcome {
                case .placed: note(item)
                case .overtaken: try consider(item)
                }
            }
        }
        guard waiting.isEmpty else {
            throw ShuntError(
                .failed, "`\(waiting[0].path)` keeps changing while outputs are placed",
                hint: "shunt pull \(request.label)")
        }
    }

    private mutating func note(_ item: PlacementWriter.Item) {
        if case .file(_, let size, _) = item.node { report.bytes += ByteCount(size) }
        if item.path != item.target {
            report.conflicts.append(
                PlacementConflict(path: item.original, beside: item.path, cause: item.cause))
        } else if item.conflict == nil {
            report.placed.append(item.original)
        } else {
            note(item.conflict)
        }
    }

    /// Tells of a directory that went elsewhere, once.
    private mutating func note(_ conflict: PlacementConflict?) {
        if let conflict, told.insert(conflict).inserted { report.conflicts.append(conflict) }
    }
}
