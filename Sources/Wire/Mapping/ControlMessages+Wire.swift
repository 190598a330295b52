internal import JobModel

/// A message of a control stream. What cannot be skipped throws; what can gives `nil`.
protocol ControlMessage: Sendable {
    associatedtype Proto: DetachableMessage
    var proto: Proto { get }
    /// - Returns: `nil` for a kind of message of a newer release, which by the rules of the
    ///   schema may be skipped.
    static func decoding(_ proto: Proto) throws(WireError) -> Self?
}

extension CoordinatorMessage: ControlMessage {
    var proto: ProtoCoordinatorMessage {
        var proto = ProtoCoordinatorMessage()
        switch self {
        case .start(let order): proto.start = order.proto
        case .reach(let question): proto.reach = question.proto
        case .go(let token, let rendezvous):
            proto.go.token = token.proto
            proto.go.rendezvous = rendezvous.proto
        case .stop(let token, let stop):
            proto.stop.token = token.proto
            proto.stop.cause = StopCause.code(stop.cause)
            proto.stop.graceMs = stop.grace.count
        case .cancel(let token, let immediately):
            proto.cancel.token = token.proto
            proto.cancel.immediately = immediately
        case .signal(let token, let number, let sequence):
            proto.signal.token = token.proto
            proto.signal.number = number
            proto.signal.sequence = sequence
        case .acknowledge(let token): proto.acknowledge = token.proto
        case .contentPushed(let tree, let failure):
            proto.contentPushed.tree = tree.proto
            if let failure { proto.contentPushed.failure = failure }
        case .secretsHanded(let token, let failure):
            proto.secretsHanded.token = token.proto
            if let failure { proto.secretsHanded.failure = failure }
        case .ping(let number): proto.ping = number
        }
        return proto
    }

    static func decoding(_ proto: ProtoCoordinatorMessage) throws(WireError) -> Self? {
        guard let kind = proto.kind else { return nil }
        switch kind {
        case .start(let order): return .start(try StartOrder(order))
        case .reach(let question): return .reach(try ReachQuestion(question))
        case .go(let go):
            return .go(
                try StartToken(Field.required(go.hasToken ? go.token : nil, "go.token")),
                try Rendezvous(
                    Field.required(go.hasRendezvous ? go.rendezvous : nil, "go.rendezvous")))
        case .stop(let stop):
            return .stop(
                try StartToken(Field.required(stop.hasToken ? stop.token : nil, "stop.token")),
                StopOrder(
                    cause: try Field.required(
                        StopCause.decoding(stop.cause, "stop.cause"), "stop.cause"),
                    grace: try Field.milliseconds(stop.graceMs, "stop.grace")))
        case .cancel(let cancel):
            return .cancel(
                try StartToken(
                    Field.required(cancel.hasToken ? cancel.token : nil, "cancel.token")),
                immediately: cancel.immediately)
        case .signal(let signal):
            return .signal(
                try StartToken(
                    Field.required(signal.hasToken ? signal.token : nil, "signal.token")),
                number: try Field.number(signal.number, in: 1...64, "signal.number"),
                sequence: signal.sequence)
        case .acknowledge(let token): return .acknowledge(try StartToken(token))
        case .contentPushed(let pushed):
            return .contentPushed(
                try TreeReference(
                    Field.required(pushed.hasTree ? pushed.tree : nil, "content_pushed.tree")),
                failure: pushed.hasFailure ? pushed.failure : nil)
        case .secretsHanded(let handed):
            return .secretsHanded(
                try StartToken(
                    Field.required(handed.hasToken ? handed.token : nil, "secrets_handed.token")),
                failure: handed.hasFailure ? handed.failure : nil)
        case .ping(let number): return .ping(number)
        case .detached: throw WireError.unexpected("detached")
        }
    }
}

extension AgentMessage: ControlMessage {
    var proto: ProtoAgentMessage {
        var proto = ProtoAgentMessage()
        switch self {
        case .report(let report): proto.report = report.proto
        case .needContent(let token, let tree):
            proto.needContent.token = token.proto
            proto.needContent.tree = tree.proto
        case .needSecrets(let token): proto.needSecrets = token.proto
        case .reach(let answer): proto.reach = answer.proto
        case .pong(let number): proto.pong = number
        case .foreignUse(let resources, let version):
            proto.foreignUse.resources = resources.proto
            proto.foreignUse.version = version
        case .programs(let programs): proto.programs = programs.proto
        }
        return proto
    }

    static func decoding(_ proto: ProtoAgentMessage) throws(WireError) -> Self? {
        guard let kind = proto.kind else { return nil }
        switch kind {
        case .report(let report): return .report(try TaskReport(report))
        case .needContent(let need):
            return .needContent(
                try StartToken(
                    Field.required(need.hasToken ? need.token : nil, "need_content.token")),
                try TreeReference(
                    Field.required(need.hasTree ? need.tree : nil, "need_content.tree")))
        case .needSecrets(let token): return .needSecrets(try StartToken(token))
        case .reach(let answer): return .reach(try ReachAnswer(answer))
        case .pong(let number): return .pong(number)
        case .foreignUse(let use):
            return .foreignUse(
                try Resources(
                    Field.required(
                        use.hasResources ? use.resources : nil, "foreign_use.resources")),
                version: use.version)
        case .programs(let programs): return .programs(WorkerPrograms(programs))
        case .detached: throw WireError.unexpected("detached")
        }
    }
}
