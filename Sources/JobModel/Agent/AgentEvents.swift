/// Names one accepted connection of an agent's life.
package struct ConnectionID: Hashable, Sendable {
    package var number: UInt64

    package init(number: UInt64) { self.number = number }
}

/// What happens to an agent.
package enum AgentEvent: Sendable {
    /// A coordinator opened a control stream.
    case hello(CoordinatorID, Fence, ConnectionID)
    /// Something arrived on the control stream that was opened under this fence.
    case message(CoordinatorID, Fence, CoordinatorMessage)
    case disconnected(ConnectionID)
    /// Somebody has looked what can be run on this machine.
    case programs(WorkerPrograms)
    /// A tree that the task needs, its own or its environment's, is not complete in the store.
    case contentMissing(StartToken, TreeReference)
    /// The task's secrets are not in the memory of this machine.
    case secretsMissing(StartToken)
    /// All that the task needs is whole in the store: what is still to be done needs nothing of the
    /// coordinator.
    case contentComplete(StartToken)
    case staging(StartToken, activity: String)
    /// The environment that the task names was there, with these packages.
    case softwareFound(StartToken, packages: [String])
    /// The image of the task's container is there.
    case containerFound(StartToken, ContainerFacts)
    /// The data that the task mounts is there.
    case dataFound(StartToken, [DataReport])
    case staged(StartToken)
    case stagingFailed(StartToken, TaskResult.Verdict, message: String)
    /// The task can be found by the others of its gang, or cannot: there is no port for it.
    case endpointOpened(StartToken, GangEndpoint)
    case endpointFailed(StartToken, message: String)
    case reached(ReachAnswer)
    /// Init stands at the barrier.
    case initReady(StartToken, TaskProcess)
    case launchFailed(StartToken, message: String)
    case ended(StartToken, TaskEnding)
    /// The tree does not die.
    case unkillable(StartToken)
    case collected(StartToken, OutputSummary?)
    /// Outputs could not be stored; they are tried again, since the directory still has them.
    /// `mayHeal`: another try may succeed, as on a full disk; else there is nothing to try with.
    case collectFailed(StartToken, message: String, mayHeal: Bool)
}

/// What an agent's core wants done. All records of one step become durable, in order, before any
/// other effect of that step is carried out; every effect is safe to repeat.
package enum AgentEffect: Hashable, Sendable {
    case record(AgentRecord)
    case welcome(ConnectionID, Welcome)
    /// The fence is not above the highest one seen.
    case reject(ConnectionID, highest: Fence)
    case close(ConnectionID)
    case send(ConnectionID, AgentMessage)
    /// Puts content and environment in place; answered by one of the staging events. A task whose
    /// init is alive has been staged.
    case stage(StartOrder)
    case abortStaging(StartToken)
    /// Lets a task that is staged be found by the others of its gang.
    case openEndpoint(StartToken)
    case closeEndpoint(StartToken)
    /// Tries to reach other tasks of a gang; answered by `reached`.
    case reach(ReachQuestion)
    /// Makes sure that a supervisor and an init at its barrier exist, of a gang with what its
    /// command has to know of the others; answered by `initReady`, `launchFailed` or `ended`. Ends
    /// the task's endpoint.
    case launch(StartOrder, Rendezvous?)
    /// Opens the barrier. Only ever after `started` is durable.
    case release(StartToken)
    /// Makes sure that a supervisor lives, and watches for the end.
    case supervise(StartOrder)
    case signal(StartToken, number: Int32)
    case stop(StartToken, StopOrder)
    case collect(StartOrder)
    case collectLater(StartOrder, after: Milliseconds)
    /// Removes the task's secrets: nothing of it runs any more.
    case dropSecrets(StartToken)
    /// Removes the task's directory but for its log.
    case discard(StartToken)
}
