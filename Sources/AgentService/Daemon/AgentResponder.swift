internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Transfer
internal import UVLoop
internal import Wire

/// Answers a coordinator's questions on a bulk stream: logs and environments. It reads what is on
/// disk and asks the daemon only whether a task is over.
struct AgentResponder: BulkRequestHandler {
    let coordinator: CoordinatorID
    let home: AgentHome
    let environments: PythonEnvironments
    let images: ContainerImages
    let disk: BlockingExecutor
    let loop: UVLoop
    /// Whether the agent knows that nothing more will be written to a task's log; the task's
    /// directory may say so earlier.
    let isOver: @Sendable (StartToken) async -> Bool
    /// The short names of the recipes that tasks which are not over need.
    let recipesInUse: @Sendable () async -> Set<String>
    let imagesInUse: @Sendable () async -> Set<Digest>
    let keepSecrets: @Sendable ([Secret], StartToken) async throws -> Void

    func readLog(_ request: ReadLog) async throws -> LogPage {
        try check(request.token)
        let deadline = SteadyTime.current + request.wait
        let task = TaskDirectory(home.taskDirectory(request.token))
        var changes: LogChanges?
        defer { changes?.close() }
        while true {
            // Asked before the log is read: what comes in between is then still to be read.
            let isKnownOver = await isOver(request.token)
            let (isOver, page) = try await disk.run {
                let isOver = isKnownOver || task.hasEnded()
                if isKnownOver, !task.exists { throw Self.gone(request.token) }
                let reader = LogReader(task.logPath)
                return (
                    isOver, try reader.read(from: request.offset, limit: request.maximumBytes)
                )
            }
            if !page.bytes.isEmpty || isOver {
                return LogPage(
                    bytes: page.bytes, nextOffset: page.end,
                    isComplete: isOver && page.bytes.isEmpty)
            }
            // The coordinator has gone: nobody reads the answer.
            try Task.checkCancellation()
            let remaining = deadline - SteadyTime.current
            guard remaining.count > 0 else {
                return LogPage(bytes: [], nextOffset: page.end, isComplete: false)
            }
            if let current = changes {
                await current.next(within: remaining)
                if !current.isWatching {
                    // The directory may be there by now.
                    current.close()
                    changes = nil
                }
            } else {
                // Looks once more after the watch stands.
                changes = LogChanges(of: task, on: loop)
            }
        }
    }

    func tailLog(
        _ token: StartToken, lines: UInt32, streams: Set<LogStream>
    ) async throws -> LogOffset {
        try check(token)
        let path = TaskDirectory(home.taskDirectory(token)).logPath
        let counted = streams.isEmpty ? Set(LogStream.allCases) : streams
        let tail = try await disk.run {
            try LogReader(path).tail(lines: Int(lines), streams: counted)
        }
        return LogOffset(offset: tail.offset, skip: UInt32(tail.skip))
    }

    func availability(of software: SoftwareEnvironment) async throws -> EnvironmentAvailability {
        try await environments.availability(of: software)
    }

    func environments(_ request: EnvironmentRequest) async throws -> [EnvironmentView] {
        func ofImages() async throws -> [EnvironmentView] {
            try await images.answer(request, inUse: await imagesInUse())
        }
        func ofEnvironments() async throws -> [EnvironmentView] {
            try await environments.answer(request, inUse: await recipesInUse())
        }
        switch request {
        case .remove(let key) where key.hasPrefix(ImageShelf.prefix): return try await ofImages()
        case .remove: return try await ofEnvironments()
        case .list: return try await ofEnvironments() + ofImages()
        }
    }

    func keep(_ secrets: [Secret], for token: StartToken) async throws {
        try check(token)
        try await keepSecrets(secrets, token)
    }

    func examineData(at path: String) async throws -> DataFingerprint {
        try await disk.run { try DataWalk.fingerprint(of: RawPath(path)) }
    }

    /// See ``TaskRetention``.
    private static func gone(_ token: StartToken) -> ShuntError {
        ShuntError(
            .notFound, "what `\(token.task.job)` wrote is no longer kept on its worker",
            hint: "shunt inspect \(token.task.job)")
    }

    /// A coordinator sees its own tasks only.
    private func check(_ token: StartToken) throws {
        guard token.coordinator == coordinator else {
            throw ShuntError(.notFound, "there is no task `\(token.task)` of this coordinator")
        }
    }
}
