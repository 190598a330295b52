internal import Glibc
internal import JobModel
internal import Synchronization

/// The walk over a task's directory that finds what is new or changed since its baseline, on
/// several threads. Files that are become objects on the way; ``OutputAssembly`` makes the tree.
///
/// What can go wrong here and there (a file without read permission, one still written to) is a
/// warning and leaves that file out; what goes wrong as a whole (a full disk) is thrown.
struct OutputWalk: Sendable {
    let store: ObjectStore
    let baseline: Baseline
    let patterns: PathPatterns?
    let mountPoints: [RawPath]
    /// How the task's directory is called in errors.
    let shown: RawPath
    let root: Checkout.Shared
    let budget: EntryBudget
    let findings = Findings()

    private static let sliceLength = 256
    private static let readAttempts = 3

    enum Work: Sendable {
        case directory(RawPath)
        case names(FoundDirectory, Range<Int>)
    }

    func process(_ work: Work, _ queue: WorkQueue<Work>) throws {
        switch work {
        case .directory(let path):
            guard let found = try list(path) else { return }
            findings.add(found)
            let starts = stride(from: 0, to: found.names.count, by: Self.sliceLength)
            queue.push(
                starts.map { .names(found, $0..<min($0 + Self.sliceLength, found.names.count)) })
        case .names(let found, let slice):
            guard let folder = try open(found.path) else { return }
            for index in slice {
                if let child = try visit(found.names[index], in: folder, found) {
                    queue.push([.directory(child)])
                }
            }
        }
    }

    /// Opens a directory of the task.
    ///
    /// - Returns: `nil`, after a warning, where it cannot be read.
    private func open(_ path: RawPath) throws -> Descriptor? {
        do throws(SystemError) {
            return try root.directory.openDirectory(path)
        } catch {
            switch error.code {
            case EACCES where !path.isEmpty, EPERM where !path.isEmpty:
                findings.warn(.unreadable(path, reason: error.reason))
            case ENOENT where !path.isEmpty: break
            default: throw error
            }
            return nil
        }
    }

    private func list(_ path: RawPath) throws -> FoundDirectory? {
        guard let folder = try open(path) else { return nil }
        var names = try folder.names(shownAs: shown.appending(path.bytes))
        names.sort { $0.precedes($1) }
        try budget.take(names.count)
        let isEnvironment = BuiltInExcludes.environmentMarkers.contains { names.contains($0) }
        if isEnvironment, !path.isEmpty, patterns?.spellsOut(path) != true { return nil }
        return FoundDirectory(
            path: path, names: names,
            modified: try folder.status(shownAs: shown.appending(path.bytes)).modified,
            base: baseline.entries(of: path))
    }

    /// Compares one name with the baseline.
    ///
    /// - Returns: the path, if it is a directory to walk.
    private func visit(
        _ name: [UInt8], in folder: borrowing Descriptor, _ found: FoundDirectory
    ) throws -> RawPath? {
        let path = found.path.appending(name)
        // Gone between listing and now: as if it had never been there.
        guard let status = try folder.status(of: name, shownAs: shown.appending(path.bytes)) else {
            return nil
        }
        if mountPoints.contains(path) { return nil }
        let isDirectory = status.kind == .directory
        if !isDirectory, case .directory = found.base(name) {
            found.state.withLock { _ = $0.replacedDirectories.insert(name) }
        }
        if BuiltInExcludes.excludes(name: name, isDirectory: isDirectory),
            patterns?.spellsOut(path) != true
        {
            return nil
        }
        if isDirectory {
            guard path.bytes.count <= RootDirectory.longestPath else {
                findings.warn(.tooDeep(path))
                return nil
            }
            // What only leads to a mount point was made for it.
            if !mountPoints.contains(where: { $0.isInside(path) }), matches(path) {
                found.state.withLock { _ = $0.wanted.insert(name) }
            }
            return path
        }
        guard matches(path) else { return nil }
        switch status.kind {
        case .file: try visitFile(name, status, in: folder, found, path)
        case .symlink: try visitLink(name, status, in: folder, found, path)
        case .special: findings.warn(.special(path))
        case .directory: break
        }
        return nil
    }

    private func matches(_ path: RawPath) -> Bool {
        guard let patterns else { return true }
        let indices = patterns.matching(path)
        findings.matched(indices)
        return !indices.isEmpty
    }

    private func visitLink(
        _ name: [UInt8], _ status: FileStat, in folder: borrowing Descriptor,
        _ found: FoundDirectory, _ path: RawPath
    ) throws {
        let target = try folder.readLink(name, shownAs: shown.appending(path.bytes))
        if patterns == nil, case .symlink(target) = found.base(name) { return }
        guard linkStaysInside(target: target, linkAt: path) else {
            findings.warn(.escapingLink(path, target: target))
            return
        }
        found.add(TreeEntry(name: name, node: .symlink(target)), status.modified)
    }

    private func visitFile(
        _ name: [UInt8], _ status: FileStat, in folder: borrowing Descriptor,
        _ found: FoundDirectory, _ path: RawPath
    ) throws {
        var base: (digest: Digest, size: Int64, isExecutable: Bool)?
        if case .file(let digest, let size, let isExecutable, let proof) = found.base(name) {
            if proof == status { return keep(name, (digest, size, isExecutable), status, found) }
            base = (digest, size, isExecutable)
        }
        let source: Descriptor
        do throws(SystemError) {
            source = try folder.open(
                name, O_RDONLY | O_NONBLOCK, shownAs: shown.appending(path.bytes))
        } catch {
            switch error.code {
            case ENOENT: return
            case EACCES, EPERM, ELOOP, ENXIO:
                findings.warn(.unreadable(path, reason: error.reason))
                return
            default: throw error
            }
        }
        // A file that was only touched costs no copy.
        if let base, base.size == status.size, base.isExecutable == status.isExecutable,
            try ContentHasher.digest(of: source, shownAs: shown.appending(path.bytes)).digest
                == base.digest
        {
            return keep(name, base, status, found)
        }
        for _ in 0..<Self.readAttempts {
            guard
                let file = try store.insertIfSteady(
                    copying: source, shownAs: shown.appending(path.bytes))
            else { continue }
            let isExecutable = file.status.isExecutable
            if let base, base.digest == file.digest, base.isExecutable == isExecutable {
                return keep(name, base, file.status, found)
            }
            found.add(
                TreeEntry(
                    name: name,
                    node: .file(file.digest, size: file.size, isExecutable: isExecutable)),
                file.status.modified)
            return
        }
        findings.warn(.changing(path))
    }

    /// A file that is as it was checked out is an output only where it was asked for by name. Its
    /// object is here: the checkout came from it.
    private func keep(
        _ name: [UInt8], _ base: (digest: Digest, size: Int64, isExecutable: Bool),
        _ status: FileStat, _ found: FoundDirectory
    ) {
        if patterns == nil { return }
        found.add(
            TreeEntry(
                name: name,
                node: .file(base.digest, size: base.size, isExecutable: base.isExecutable)),
            status.modified)
    }
}

/// One directory of the task, with what in it is output.
final class FoundDirectory: Sendable {
    let path: RawPath
    /// What is there, ascending.
    let names: [[UInt8]]
    let modified: FileTime
    /// What was there, ascending; `nil` if the directory is new.
    let base: [Baseline.Entry]?
    let state = Mutex(State())

    struct State {
        /// New and changed files and symlinks, in no order.
        var entries: [(entry: TreeEntry, modified: FileTime)] = []
        /// Directories in it that are output themselves if they are new, even when empty.
        var wanted: Set<[UInt8]> = []
        /// Directories of the baseline whose names stand for something else now.
        var replacedDirectories: Set<[UInt8]> = []
    }

    init(path: RawPath, names: [[UInt8]], modified: FileTime, base: [Baseline.Entry]?) {
        self.path = path
        self.names = names
        self.modified = modified
        self.base = base
    }

    func add(_ entry: TreeEntry, _ modified: FileTime) {
        state.withLock { $0.entries.append((entry, modified)) }
    }

    /// What stood under that name before, by binary search.
    func base(_ name: [UInt8]) -> Baseline.Entry.Node? {
        guard let base else { return nil }
        var low = 0
        var high = base.count
        while low < high {
            let middle = (low + high) / 2
            if base[middle].name.precedes(name) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < base.count && base[low].name == name ? base[low].node : nil
    }
}

/// What the threads of an ``OutputWalk`` found.
final class Findings: Sendable {
    private let state = Mutex(State())

    private struct State {
        var directories: [FoundDirectory] = []
        var warnings: [OutputWarning] = []
        var warningCount = 0
        var matched: Set<Int> = []
    }

    func add(_ directory: FoundDirectory) { state.withLock { $0.directories.append(directory) } }

    func warn(_ warning: OutputWarning) {
        state.withLock { state in
            state.warningCount += 1
            // Sorted and cut at the end; until then twice the limit may stand here.
            state.warnings.append(warning)
            if state.warnings.count >= 2 * OutputCollection.warningLimit {
                state.warnings = Self.first(state.warnings)
            }
        }
    }

    func matched(_ patterns: [Int]) {
        if patterns.isEmpty { return }
        state.withLock { $0.matched.formUnion(patterns) }
    }

    var directories: [FoundDirectory] { state.withLock { $0.directories } }
    var matchedPatterns: Set<Int> { state.withLock { $0.matched } }

    /// The first by their texts, and how many there are in all.
    var warnings: ([OutputWarning], count: Int) {
        state.withLock { (Self.first($0.warnings), $0.warningCount) }
    }

    private static func first(_ warnings: [OutputWarning]) -> [OutputWarning] {
        Array(warnings.sorted { $0.text < $1.text }.prefix(OutputCollection.warningLimit))
    }
}
