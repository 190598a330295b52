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
    /// What of the active environment stays here.
    var gaps: [String] = []
    /// Of its environment.
    var warnings: [String] = []
    /// How its packages reach the worker, where it has an environment that is built.
    var supply: PackageSupply?
}

/// Takes the snapshot of a job's directory into the home's store.
struct SnapshotTaker: Sendable {
    let layout: HomeLayout
    let directory: RawPath
    /// Files that become secrets of the job, and no content of it.
    let withheld: Set<FileIdentity>
    let progress: ProgressDisplay

    /// - Parameters:
    ///   - isDryRun: hash only, and write nothing.
    ///   - supply: how the packages of the environment reach the worker.
    func take(
        _ draft: JobDraft, isDryRun: Bool, supply: PackageSupply
    ) async throws -> TakenSnapshot {
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
            options.withheld = withheld
            options.omitted = draft.spec.mounts.map { RawPath($0.target) }
            let result = try Snapshot.take(
                root: directory, store: store,
                cache: StatCache(directory: RawPath(layout.statCacheDirectory)), options: options)
            var spec = draft.spec
            let environment = try EnvironmentTaker(
                layout: layout, directory: directory, store: store, tree: result.tree,
                supply: supply, withheld: withheld
            ).take(draft.environment)
            spec.software = environment.software
            let isMounted = options.omitted.contains {
                RawPath(spec.workingDirectory).isInside($0)
            }
            if let store, !spec.workingDirectory.isEmpty, !isMounted {
                try requireDirectory(spec.workingDirectory, result.tree, store)
            }
            if let store {
                for mount in spec.mounts { try requireRoom(for: mount, result.tree, store) }
            }
            if let store, case .local(let name)? = spec.container?.image {
                spec.container?.tree = try ImageShipment(
                    layout: layout, name: name, store: store
                ).tree()
            }
            if let store, let image = spec.container?.image {
                try requireImage(image, result.tree, store)
            }
            return TakenSnapshot(
                result: result, spec: spec, inputs: inputs(result), gaps: environment.gaps,
                warnings: environment.warnings,
                supply: spec.software?.recipe.flatMap { $0.kind.isOfConda ? nil : supply })
        }
    }

    /// An image that comes out of the job's files has to be among them.
    private func requireImage(
        _ image: ImageSource, _ tree: TreeReference, _ store: ObjectStore
    ) throws {
        switch image {
        case .named, .local: return
        case .containerfile(let path): _ = try BuildContext(at: path, in: tree, store)
        case .layout(let path):
            guard try TreeLookup.directory(path, in: tree, store) != nil else {
                throw missing(path, "directory", image)
            }
            // What every layout of the OCI image specification begins with.
            let index = (path.isEmpty ? "" : path + "/") + "index.json"
            guard case .file? = try TreeLookup.node(index, in: tree, store) else {
                throw ShuntError(
                    .usage,
                    "`\(Quoting.visible(image.text))` is no image layout: it has no `index.json`",
                    hint: "ls -l \(Quoting.forShell(path))")
            }
        case .archive(let path):
            if case .file? = try TreeLookup.node(path, in: tree, store) { return }
            throw missing(path, "file", image)
        }
    }

    private func missing(_ path: String, _ what: String, _ image: ImageSource) -> ShuntError {
        ShuntError(
            .usage,
            "`\(Quoting.visible(image.text))` is no \(what) in the snapshot of `\(directory)`",
            hint: "ls -l \(Quoting.forShell(path))")
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

    /// What leads to a mount has to be directories, or nothing yet.
    private func requireRoom(
        for mount: DataMount, _ tree: TreeReference, _ store: ObjectStore
    ) throws {
        var path = RawPath(mount.target).parent
        while !path.isEmpty {
            let name = String(decoding: path.bytes, as: UTF8.self)
            switch try TreeLookup.node(name, in: tree, store) {
            case .directory, nil: path = path.parent
            case .file, .symlink:
                throw ShuntError(
                    .usage,
                    "`\(mount.target)` cannot be mounted on: `\(path)` is a file or a symbolic "
                        + "link",
                    hint: "ls -ld \(Quoting.forShell(name))")
            }
        }
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
