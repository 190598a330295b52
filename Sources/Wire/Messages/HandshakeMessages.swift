package import JobModel

/// The answer to a bulk `Hello`.
package struct Accepted: Hashable, Sendable {
    package var agent: AgentID
    package var release: String

    package init(agent: AgentID, release: String) {
        self.agent = agent
        self.release = release
    }
}

/// Why an agent does not take a connection. Thrown on both sides: by the agent's handshake where
/// it finds the reason itself, and by the coordinator's when it is told.
package enum Rejection: Error, Hashable, Sendable {
    /// The two speak different versions of the protocol.
    case protocolMismatch(coordinator: UInt32, agent: UInt32)
    /// Another process of the same coordinator, or another connection of the same process, has
    /// come later; this is the highest fence that the agent has made durable.
    case staleFence(highest: Fence)
    case refused(ShuntError)
}

extension Rejection {
    /// The rejection as people see it.
    package var asShuntError: ShuntError {
        switch self {
        case .protocolMismatch(let coordinator, let agent):
            ShuntError(
                .refused,
                "the agent speaks version \(agent) of the protocol, "
                    + "and this coordinator version \(coordinator)",
                hint: coordinator > agent
                    ? "shunt coordinator stop" : "shunt --version")
        case .staleFence(let highest):
            ShuntError(
                .refused,
                "another coordinator of the same home has come later "
                    + "(epoch \(highest.epoch), session \(highest.session))",
                hint: "shunt coordinator status")
        case .refused(let error): error
        }
    }
}

extension Rejection: CustomStringConvertible {
    package var description: String { asShuntError.message }
}
