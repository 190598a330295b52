internal import JobModel

/// What an agent says of a task, as protobuf.
extension TaskReport: WireValue {
    var proto: ProtoTaskReport {
        var proto = ProtoTaskReport()
        proto.token = token.proto
        proto.phase = Self.code(phase)
        proto.version = version
        if let activity { proto.activity = activity }
        proto.holdsContent = holdsContent
        proto.packages = packages ?? []
        if let container { proto.container = container.proto }
        proto.data = data?.map(\.proto) ?? []
        if let endpoint { proto.endpoint = endpoint.proto }
        if let process { proto.process = process.proto }
        if let exit { proto.exit = exit.proto }
        if let startedAt { proto.startedAtMs = startedAt.milliseconds }
        if let endedAt { proto.endedAtMs = endedAt.milliseconds }
        if let result { proto.result = result.proto }
        return proto
    }

    init(_ proto: ProtoTaskReport) throws(WireError) {
        self.init(
            token: try StartToken(
                Field.required(proto.hasToken ? proto.token : nil, "report.token")),
            phase: try Field.choice(proto.phase, "report.phase", Self.code),
            version: proto.version,
            activity: proto.hasActivity ? proto.activity : nil,
            holdsContent: proto.holdsContent,
            packages: proto.packages.isEmpty ? nil : proto.packages,
            container: proto.hasContainer ? try ContainerFacts(proto.container) : nil,
            data: proto.data.isEmpty
                ? nil : try proto.data.map { data throws(WireError) in try DataReport(data) },
            endpoint: proto.hasEndpoint ? try GangEndpoint(proto.endpoint) : nil,
            process: proto.hasProcess ? try TaskProcess(proto.process) : nil,
            exit: proto.hasExit ? try ExitStatus(proto.exit) : nil,
            startedAt: proto.hasStartedAtMs
                ? try Field.wallTime(proto.startedAtMs, "report.started_at") : nil,
            endedAt: proto.hasEndedAtMs
                ? try Field.wallTime(proto.endedAtMs, "report.ended_at") : nil,
            result: proto.hasResult ? try TaskResult(proto.result) : nil)
    }

    private static func code(_ phase: TaskPhase) -> ProtoTaskPhase {
        switch phase {
        case .dispatching: .dispatching
        case .accepted: .accepted
        case .staging: .staging
        case .staged: .staged
        case .starting: .starting
        case .running: .running
        case .stopping: .stopping
        case .unkillable: .unkillable
        case .exited: .exited
        case .collecting: .collecting
        case .terminal: .terminal
        case .revoked: .revoked
        }
    }
}

extension TaskProcess: WireValue {
    var proto: ProtoTaskProcess {
        var proto = ProtoTaskProcess()
        proto.pid = pid
        proto.startTicks = startTicks
        proto.killMethod =
            switch killMethod {
            case .cgroup: .cgroup
            case .sweep: .sweep
            case .namespace: .namespace
            }
        if let enforcesMemory { proto.enforcesMemory = enforcesMemory }
        if let enforcesCPU { proto.enforcesCpu = enforcesCPU }
        return proto
    }

    init(_ proto: ProtoTaskProcess) throws(WireError) {
        let method: KillMethod
        switch proto.killMethod {
        case .cgroup: method = .cgroup
        case .sweep: method = .sweep
        case .namespace: method = .namespace
        case .unspecified, .UNRECOGNIZED:
            throw WireError.unknown(
                field: "process.kill_method", raw: proto.killMethod.rawValue)
        }
        self.init(
            // 0, negative numbers and 1 are other things to `kill` than one process of ours.
            pid: try Field.number(proto.pid, in: 2...Int32.max, "process.pid"),
            startTicks: proto.startTicks, killMethod: method,
            enforcesMemory: proto.hasEnforcesMemory ? proto.enforcesMemory : nil,
            enforcesCPU: proto.hasEnforcesCpu ? proto.enforcesCpu : nil)
    }
}

extension TaskResult: WireValue {
    var proto: ProtoTaskResult {
        var proto = ProtoTaskResult()
        proto.verdict = Self.code(verdict)
        if let exit { proto.exit = exit.proto }
        proto.cause = StopCause.code(cause)
        if let message { proto.message = message }
        if let outputs { proto.outputs = outputs.proto }
        proto.warnings = warnings
        return proto
    }

    init(_ proto: ProtoTaskResult) throws(WireError) {
        self.init(
            verdict: try Field.choice(proto.verdict, "result.verdict", Self.code),
            exit: proto.hasExit ? try ExitStatus(proto.exit) : nil,
            cause: try StopCause.decoding(proto.cause, "result.cause"),
            message: proto.hasMessage ? proto.message : nil,
            outputs: proto.hasOutputs ? try OutputSummary(proto.outputs) : nil,
            warnings: proto.warnings)
    }

    private static func code(_ verdict: Verdict) -> ProtoTaskResult.Verdict {
        switch verdict {
        case .succeeded: .succeeded
        case .failed: .failed
        case .stagingFailed: .stagingFailed
        case .environmentFailed: .environmentFailed
        case .cancelled: .cancelled
        case .refused: .refused
        case .lost: .lost
        }
    }
}

extension ExitStatus: WireValue {
    var proto: ProtoExitStatus {
        var proto = ProtoExitStatus()
        proto.kind =
            switch self {
            case .exited(let code): .exitCode(code)
            case .signalled(let signal): .signal(signal)
            case .execFailed(let errno): .execErrno(errno)
            case .neverStarted: .neverStarted(ProtoExitStatus.Nothing())
            case .vanished: .vanished(ProtoExitStatus.Nothing())
            }
        return proto
    }

    init(_ proto: ProtoExitStatus) throws(WireError) {
        switch try Field.required(proto.kind, "exit.kind") {
        case .exitCode(let code):
            self = .exited(code: try Field.number(code, in: 0...255, "exit.code"))
        case .signal(let signal):
            self = .signalled(signal: try Field.number(signal, in: 1...127, "exit.signal"))
        case .execErrno(let errno):
            self = .execFailed(errno: try Field.number(errno, in: 1...4095, "exit.errno"))
        case .neverStarted: self = .neverStarted
        case .vanished: self = .vanished
        }
    }
}

extension OutputSummary: WireValue {
    var proto: ProtoOutputSummary {
        var proto = ProtoOutputSummary()
        proto.tree = tree.proto
        proto.fileCount = fileCount
        proto.totalBytes = totalSize.bytes
        proto.deletedCount = deletedCount
        proto.deleted = deleted
        proto.warnings = warnings
        return proto
    }

    init(_ proto: ProtoOutputSummary) throws(WireError) {
        self.init(
            tree: try TreeReference(
                Field.required(proto.hasTree ? proto.tree : nil, "outputs.tree")),
            fileCount: try Field.count(proto.fileCount, "outputs.file_count"),
            totalSize: try Field.byteCount(proto.totalBytes, "outputs.total_bytes"),
            deletedCount: try Field.count(proto.deletedCount, "outputs.deleted_count"),
            deleted: proto.deleted, warnings: proto.warnings)
    }
}

extension StopCause {
    static func code(_ cause: StopCause?) -> ProtoStopCause {
        switch cause {
        case nil: .unspecified
        case .cancel: .cancel
        case .timeout: .timeout
        case .preempt: .preempt
        case .outOfMemory: .outOfMemory
        case .lease: .lease
        case .gang: .gang
        }
    }

    /// - Returns: `nil` for unspecified: nobody stopped the task.
    static func decoding(
        _ code: ProtoStopCause, _ field: String
    ) throws(WireError) -> StopCause? {
        if code == .unspecified { return nil }
        return try Field.choice(code, field) { (cause: StopCause) in Self.code(cause) }
    }
}
