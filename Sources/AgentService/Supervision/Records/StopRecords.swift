internal import JobModel

/// `stop`: what the agent wants ended, and how. A later one replaces it; the earliest deadline of
/// all counts.
struct StopRequest: Hashable {
    static let name = "stop"
    var order: StopOrder
    var requestedAt: SteadyTime

    init(order: StopOrder, requestedAt: SteadyTime) {
        self.order = order
        self.requestedAt = requestedAt
    }

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "stop"),
            let cause = text["cause"].flatMap(StopCause.init(rawValue:)),
            let grace = text.number("grace_ms", as: Int64.self),
            RecordText.sensibleTimes.contains(grace),
            let at = text.number("at_boot_ms", as: Int64.self),
            RecordText.sensibleTimes.contains(at)
        else { return nil }
        order = StopOrder(cause: cause, grace: Milliseconds(grace))
        requestedAt = SteadyTime(milliseconds: at)
    }

    var encoded: [UInt8] {
        var text = RecordText()
        text.add("cause", order.cause.rawValue)
        text.add("grace_ms", order.grace.count)
        text.add("at_boot_ms", requestedAt.milliseconds)
        return text.encoded(kind: "stop")
    }
}

/// `stopping`: the supervisor has begun to end the tree, so that the next one goes on from there
/// instead of granting the grace period again.
struct StoppingRecord: Hashable {
    static let name = "stopping"
    var cause: StopCause
    /// When SIGKILL is due.
    var deadline: SteadyTime

    init(cause: StopCause, deadline: SteadyTime) {
        self.cause = cause
        self.deadline = deadline
    }

    init?(_ bytes: [UInt8]) {
        guard let text = RecordText(bytes, kind: "stopping"),
            let cause = text["cause"].flatMap(StopCause.init(rawValue:)),
            let deadline = text.number("deadline_boot_ms", as: Int64.self),
            RecordText.sensibleTimes.contains(deadline)
        else { return nil }
        self.cause = cause
        self.deadline = SteadyTime(milliseconds: deadline)
    }

    var encoded: [UInt8] {
        var text = RecordText()
        text.add("cause", cause.rawValue)
        text.add("deadline_boot_ms", deadline.milliseconds)
        return text.encoded(kind: "stopping")
    }
}
