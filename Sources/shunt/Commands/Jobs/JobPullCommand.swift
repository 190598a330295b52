internal import ArgumentParser
internal import ContentStore
internal import CoordinatorClient
internal import Glibc
internal import JobModel

/// `shunt pull`.
struct JobPullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Put the files that a job wrote into a directory.",
        discussion: """
            Into the directory that the job was made of, unless `--into` names another. A file \
            that was changed here meanwhile is never overwritten: the job's version lands beside it.

            Example:
              shunt pull 7f3k2a model.joblib --into /tmp/results
            """)

    @Argument(help: "An ID, a unique prefix of one, or a name.")
    var job: String

    @Argument(help: "Only these paths or globs.")
    var paths: [String] = []

    @Option(help: ArgumentHelp("Into this directory.", valueName: "directory"))
    var into: String?

    @Flag(name: [.short, .long], help: "Say nothing of Shunt's own progress.")
    var quiet = false

    func run() async throws {
        let reference = try JobReference(job)
        for path in paths { try check(path) }
        let progress = ProgressDisplay.forStandardError(quiet: quiet)
        defer { progress.clear() }
        let session = try ShuntSession.open()
        let view = try await session.connection.job(reference)
        guard view.state.isTerminal else {
            throw ShuntError(
                .refused, "job `\(view.id)` is not over yet",
                hint: "shunt wait \(view.id) && shunt pull \(view.id)")
        }
        let target = try PullTarget(view, into: into)
        let receiver = OutputsReceiver(session: session, progress: progress)
        try await pull(view, into: target, receiver, progress)
    }

    /// A path that leaves the directory is a mistake whatever the job wrote.
    private func check(_ path: String) throws(ShuntError) {
        do throws(FieldError) {
            _ = try FieldRules.relativePath(path)
        } catch {
            throw ShuntError(
                .usage, "a path to pull \(error.problem)",
                hint: "shunt pull \(Quoting.forShell(job)) \(error.example)")
        }
    }

    private func pull(
        _ view: JobView, into target: PullTarget, _ receiver: OutputsReceiver,
        _ progress: ProgressDisplay
    ) async throws {
        guard let outputs = view.outputs else {
            guard view.startedAt == nil else {
                let why = (view.warnings + [view.reason].compactMap(\.self)).joined(separator: "; ")
                throw ShuntError(
                    .failed, "the outputs of job `\(view.id)` are lost: \(Quoting.visible(why))",
                    hint: "shunt inspect \(view.id)")
            }
            guard paths.isEmpty else { throw missing(paths, view) }
            return progress.note("job \(view.id) never ran and left no files")
        }
        guard outputs.fileCount > 0 else {
            guard paths.isEmpty else { throw missing(paths, view) }
            return progress.note("job \(view.id) left no files")
        }
        let report = try await receiver.receive(
            view, outputs, into: target.directory, base: target.base,
            patterns: paths.isEmpty ? nil : paths)
        receiver.tell(report, in: target.directory)
        receiver.tellRemarks(outputs)
        guard report.unmatched.isEmpty else { throw missing(report.unmatched, view) }
        if report.placed.isEmpty, report.conflicts.isEmpty {
            progress.note("all of it is in \(target.directory) already")
        }
    }

    private func missing(_ patterns: [String], _ view: JobView) -> ShuntError {
        let names = patterns.map { "`\(Quoting.visible($0))`" }.joined(separator: ", ")
        return ShuntError(
            .notFound, "the outputs of job `\(view.id)` have no \(names)",
            hint: "shunt pull \(view.id) --into /tmp/\(view.id)")
    }
}

/// Where a pull puts files, and what the directory held when the job was made of it.
struct PullTarget {
    var directory: RawPath
    /// `nil` for a directory that is not the job's: nothing in it has a common base.
    var base: TreeReference?

    init(_ view: JobView, into: String?) throws {
        let source = view.inputs.sourceDirectory
        guard let into else {
            // The name came through text: where that lost bytes, it names another directory.
            guard !source.contains("\u{fffd}") else {
                throw ShuntError(
                    .usage, "the name of the job's directory is not valid UTF-8",
                    hint: "shunt pull \(view.id) --into .")
            }
            guard access(source, F_OK) == 0 else {
                throw ShuntError(
                    .notFound, "the job's directory `\(Quoting.visible(source))` is not there",
                    hint: "shunt pull \(view.id) --into .")
            }
            directory = RawPath(source)
            base = view.inputs.tree
            return
        }
        guard !into.isEmpty else {
            throw ShuntError(
                .usage, "`--into` wants a directory", hint: "shunt pull \(view.id) --into .")
        }
        directory = RawPath(into)
        base = Self.canonical(into) == source ? view.inputs.tree : nil
    }

    private static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }
}
