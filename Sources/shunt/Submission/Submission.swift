internal import ContentStore
internal import CoordinatorClient
internal import JobModel

/// What `run` and `submit` do: prepare, submit, and for `run` follow to the end.
struct Submission {
    let options: SubmissionOptions
    let command: [String]?
    let subcommand: String
    let detaches: Bool
    let pulls: Bool

    func perform() async throws {
        let progress = ProgressDisplay.forStandardError(quiet: options.quiet)
        // Whatever happens, no half line stays behind on a terminal.
        defer { progress.clear() }
        let job = try JobDescription(options: options, command: command, subcommand: subcommand)
        let session = try ShuntSession.open()
        let preparation = try JobPreparation(job, session: session, progress: progress)
        if options.dryRun {
            return try StandardStream.printData(try await preparation.planText())
        }
        let request = try await preparation.request(options: options, subcommand: subcommand)
        if detaches {
            let id = try await session.connection.submit(request)
            try StandardStream.printData("\(id)\n")
            // What is said beside the ID must not fail a submission that is durable.
            guard !options.quiet, let view = try? await handedOver(id, session) else { return }
            progress.note(HandoverText.describe(view))
            return
        }
        let view = try await follow(request, preparation, progress)
        try await finish(view, session, progress, preparation.directory)
    }

    /// The job as it is once its worker has it, if that is a matter of moments: with nothing to
    /// send it is, and then this machine may go away at once.
    private func handedOver(_ id: JobID, _ session: ShuntSession) async throws -> JobView {
        let end = ContinuousClock.now + HandoverText.patience
        var view = try await session.connection.job(JobReference(id))
        while HandoverText.isUnderWay(view) {
            let left = end - .now
            guard left > .zero else { break }
            let wait = Milliseconds(Int64(left / .milliseconds(1)) + 1)
            view = try await session.connection.job(
                JobReference(id), after: view.version, wait: wait)
        }
        return view
    }

    /// Submits and follows to the end.
    private func follow(
        _ request: SubmitRequest, _ preparation: JobPreparation, _ progress: ProgressDisplay
    ) async throws -> JobView {
        let session = preparation.session
        let signals = SignalRelay(progress: progress)
        let subscription = signals.begin()
        defer { subscription.end() }
        let relay = Task { await signals.relay(over: session.connection) }
        defer { relay.cancel() }
        var hint = StandardInput.hasData() ? "standard input is not sent to the job" : nil
        func ran(_ request: SubmitRequest) async throws -> JobView {
            progress.update("submitting")
            let id = try await session.connection.submit(request)
            signals.note(id)
            progress.note("job \(id)")
            if let text = hint.take() { progress.note(text) }
            return try await follow(
                id, nodes: request.spec.nodeCount, session, progress, signals)
        }
        let view = try await ran(request)
        guard view.neverBegan,
            let again = try await preparation.repetition(of: request)
        else { return view }
        progress.warn(
            "job \(view.id) never began: the store had lost some of its files. They are in it "
                + "again, and the job is submitted anew")
        return try await ran(again)
    }

    private func follow(
        _ id: JobID, nodes: Int, _ session: ShuntSession, _ progress: ProgressDisplay,
        _ signals: SignalRelay
    ) async throws -> JobView {
        do {
            return try await JobFollower(
                connection: session.connection, job: id, progress: progress, nodes: nodes,
                printer: { rank in
                    LogPrinter(
                        rank: rank, progress: progress, onOutput: { signals.noteOutput() })
                },
                observe: { signals.note(id, $0) }
            ).run()
        } catch let exit as ProgramExit {
            progress.warn("nobody reads the output; job \(id) runs on: shunt logs -f \(id)")
            throw exit
        }
    }

    /// - Throws: ``ProgramExit`` with the job's exit code unless that is 0.
    private func finish(
        _ view: JobView, _ session: ShuntSession, _ progress: ProgressDisplay,
        _ directory: RawPath
    ) async throws {
        if pulls { try await receive(view, session, progress, directory) }
        // A terminal job has its code; one of a release that gave none cannot be called a success.
        let code = view.exitCode ?? ExitCodes.ours
        for warning in view.warnings { progress.warn(Quoting.visible(warning)) }
        progress.clear()
        if let ending = JobProgressText.ending(view) {
            progress.endLine()
            let lines = await GangFailureNotice.lastLines(view, session.connection)
            ErrorText.print(
                ShuntError(.failed, ending + lines, hint: "shunt inspect \(view.id)"))
        }
        if code != 0 { throw ProgramExit(code: code) }
    }

    /// - Throws: ``ShuntError`` that says how the job ended and where its files can be had.
    private func receive(
        _ view: JobView, _ session: ShuntSession, _ progress: ProgressDisplay,
        _ directory: RawPath
    ) async throws {
        do {
            try await OutputsReceiver(session: session, progress: progress)
                .receive(view, into: directory)
        } catch let error as ShuntError {
            let ending = view.exitCode.map { " with code \($0)" } ?? ""
            throw ShuntError(
                error.code,
                "job \(view.id) \(view.state.rawValue)\(ending), and its outputs could not be "
                    + "brought here: \(error.message)",
                hint: "shunt pull \(view.id) --into /tmp/\(view.id)")
        }
    }
}

/// Exit codes that are not a job's own.
enum ExitCodes {
    /// `run`: whatever is Shunt's doing, as with the container CLIs.
    static let ours: Int32 = 125
}
