internal import ContentStore
internal import Dispatch
internal import JobModel

/// Blocking work, away from the threads of Swift's pool.
enum Blocking {
    static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Swift.Result { try body() })
            }
        }
    }
}

/// A snapshot, and what of it a submission needs.
struct TakenSnapshot: Sendable {
    var result: SnapshotResult
    var spec: JobSpec
    var inputs: JobInputs
}

/// Takes the snapshot of a job's directory into the home's store.
struct SnapshotTaker: Sendable {
    let layout: HomeLayout
    let directory: RawPath
    let progress: ProgressDisplay

    /// - Parameter isDryRun: hash only, and write nothing.
    func take(_ draft: JobDraft, isDryRun: Bool) async throws -> TakenSnapshot {
        let counters = SnapshotProgress()
        let ticker = progress.tick("taking a snapshot of \(directory)") {
            SnapshotText.counters(files: counters.filesSeen, read: counters.bytesRead)
        }
        defer { ticker.stop() }
        return try await Blocking.run { [self] in
            let store = isDryRun ? nil : try ObjectStore(at: RawPath(layout.storeDirectory))
            var options = SnapshotOptions()
            options.progress = counters
            options.copyLimit = JobLimits.copiedFile
            let result = try Snapshot.take(
                root: directory, store: store,
                cache: StatCache(directory: RawPath(layout.statCacheDirectory)), options: options)
            var spec = draft.spec
            if let path = draft.requirementsPath {
                spec.python = try pythonEnvironment(path, result.tree, store)
            }
            if let store, !spec.workingDirectory.isEmpty {
                try requireDirectory(spec.workingDirectory, result.tree, store)
            }
            if let store, case .local(let name)? = spec.container?.image {
                spec.container?.tree = try ImageShipment(
                    layout: layout, name: name, store: store
                ).tree()
            }
            if let store, case .containerfile(let path)? = spec.container?.image {
                _ = try BuildContext(at: path, in: result.tree, store)
            }
            return TakenSnapshot(result: result, spec: spec, inputs: inputs(result))
        }
    }

    private func inputs(_ result: SnapshotResult) -> JobInputs {
        JobInputs(
            tree: result.tree, fileCount: result.totals.files,
            totalSize: ByteCount(result.totals.bytes),
            sourceDirectory: String(decoding: directory.bytes, as: UTF8.self), git: result.git,
            references: result.largeFiles.map {
                FileReference(
                    digest: $0.digest, size: ByteCount($0.status.size), path: $0.path.bytes)
            })
    }

    /// The requirements as they are in the snapshot; in a dry run, which stores no tree, as they
    /// are in the directory.
    private func pythonEnvironment(
        _ path: String, _ tree: TreeReference, _ store: ObjectStore?
    ) throws -> JobSpec.PythonEnvironment {
        let missing = ShuntError(
            .usage, "the requirements file `\(path)` is not in the snapshot of `\(directory)`",
            hint: "ls -l \(Quoting.forShell(path)) .shuntignore")
        guard let store else {
            // Whatever keeps it from being read, the plan has no such file.
            let bytes = try? SmallFile.read(directory.appending(path), limit: 16 << 20)
            guard let bytes else { throw missing }
            try RequirementsFile.check(bytes)
            return JobSpec.PythonEnvironment(
                requirementsPath: path, requirementsDigest: ContentHasher.digest(of: bytes))
        }
        guard case .file(let digest, _, _)? = try TreeLookup.node(path, in: tree, store) else {
            throw missing
        }
        // One that is not in the store is too large to be one; the worker says so.
        if let bytes = try? store.readBytes(of: digest, limit: 16 << 20) {
            try RequirementsFile.check(bytes)
        }
        return JobSpec.PythonEnvironment(requirementsPath: path, requirementsDigest: digest)
    }

    private func requireDirectory(
        _ path: String, _ tree: TreeReference, _ store: ObjectStore
    ) throws {
        switch try TreeLookup.node(path, in: tree, store) {
        case .directory, .symlink: break
        case .file, nil:
            throw ShuntError(
                .usage,
                "`workdir` names `\(path)`, which is no directory in the snapshot of "
                    + "`\(directory)`",
                hint: "ls -ld \(Quoting.forShell(path)) .shuntignore")
        }
    }
}
