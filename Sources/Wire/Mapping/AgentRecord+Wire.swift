internal import JobModel

/// What the agent's journal holds, as protobuf.
extension AgentRecord: WireValue {
    var proto: ProtoAgentRecord {
        var proto = ProtoAgentRecord()
        switch self {
        case .fenced(let coordinator, let fence):
            proto.fenced.coordinator = coordinator.text
            proto.fenced.fence = fence.proto
        case .accepted(let order, let time):
            proto.accepted.order = order.proto
            proto.accepted.atMs = time.milliseconds
        case .revoked(let token):
            proto.revoked = token.proto
        case .started(let token, let process, let time):
            proto.started.token = token.proto
            proto.started.process = process.proto
            proto.started.atMs = time.milliseconds
        case .stopRequested(let token, let stop):
            proto.stopRequested.token = token.proto
            proto.stopRequested.cause = StopCause.code(stop.cause)
            proto.stopRequested.graceMs = stop.grace.count
        case .ended(let token, let ending, let time):
            proto.ended.token = token.proto
            proto.ended.exit = ending.exit.proto
            proto.ended.cause = StopCause.code(ending.cause)
            if let problem = ending.problem { proto.ended.problem = problem }
            proto.ended.warnings = ending.warnings
            proto.ended.atMs = time.milliseconds
        case .finished(let token, let result, let time):
            proto.finished.token = token.proto
            proto.finished.result = result.proto
            proto.finished.atMs = time.milliseconds
        case .acknowledged(let token):
            proto.acknowledged = token.proto
        }
        return proto
    }

    /// A kind of a newer release is an error: a journal of which a part is not understood must not
    /// be taken for the whole.
    init(_ proto: ProtoAgentRecord) throws(WireError) {
        guard let kind = proto.kind else {
            throw WireError.unknown(field: "record.kind", raw: 0)
        }
        switch kind {
        case .fenced(let fenced):
            self = .fenced(
                try Field.identifier(fenced.coordinator, "fenced.coordinator"),
                Fence(try Field.required(fenced.hasFence ? fenced.fence : nil, "fenced.fence")))
        case .accepted(let accepted):
            self = .accepted(
                try StartOrder(
                    Field.required(accepted.hasOrder ? accepted.order : nil, "accepted.order")),
                at: try Field.wallTime(accepted.atMs, "accepted.at"))
        case .revoked(let token): self = .revoked(try StartToken(token))
        case .started(let started): self = try Self.decoding(started)
        case .stopRequested(let stop): self = try Self.decoding(stop)
        case .ended(let ended): self = try Self.decoding(ended)
        case .finished(let finished): self = try Self.decoding(finished)
        case .acknowledged(let token): self = .acknowledged(try StartToken(token))
        }
    }

    private static func decoding(
        _ proto: ProtoAgentRecord.Started
    ) throws(WireError) -> AgentRecord {
        .started(
            try token(proto.hasToken ? proto.token : nil),
            try TaskProcess(
                Field.required(proto.hasProcess ? proto.process : nil, "started.process")),
            at: try Field.wallTime(proto.atMs, "started.at"))
    }

    private static func decoding(
        _ proto: ProtoAgentRecord.StopRequested
    ) throws(WireError) -> AgentRecord {
        let cause = try StopCause.decoding(proto.cause, "stop_requested.cause")
        return .stopRequested(
            try token(proto.hasToken ? proto.token : nil),
            StopOrder(
                cause: try Field.required(cause, "stop_requested.cause"),
                grace: try Field.milliseconds(proto.graceMs, "stop_requested.grace")))
    }

    private static func decoding(
        _ proto: ProtoAgentRecord.Ended
    ) throws(WireError) -> AgentRecord {
        .ended(
            try token(proto.hasToken ? proto.token : nil),
            TaskEnding(
                exit: try ExitStatus(
                    Field.required(proto.hasExit ? proto.exit : nil, "ended.exit")),
                cause: try StopCause.decoding(proto.cause, "ended.cause"),
                problem: proto.hasProblem ? proto.problem : nil, warnings: proto.warnings),
            at: try Field.wallTime(proto.atMs, "ended.at"))
    }

    private static func decoding(
        _ proto: ProtoAgentRecord.Finished
    ) throws(WireError) -> AgentRecord {
        .finished(
            try token(proto.hasToken ? proto.token : nil),
            try TaskResult(
                Field.required(proto.hasResult ? proto.result : nil, "finished.result")),
            at: try Field.wallTime(proto.atMs, "finished.at"))
    }

    private static func token(_ proto: ProtoStartToken?) throws(WireError) -> StartToken {
        try StartToken(Field.required(proto, "record.token"))
    }
}
