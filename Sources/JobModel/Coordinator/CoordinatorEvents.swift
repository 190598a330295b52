/// Names a request of a client for the life of a coordinator.
package struct RequestID: Hashable, Sendable {
    package var number: UInt64

    package init(number: UInt64) { self.number = number }
}

/// What happens to a coordinator. Random numbers and time arrive in here.
package enum CoordinatorEvent: Sendable {
    /// - `random` gives the job its ID and its first token a nonce. The ledger has no job of that
    ///   ID.
    case submit(SubmitRequest, random: UInt64, RequestID)
    case cancel(JobID, immediately: Bool, RequestID)
    case signal(JobID, number: Int32, RequestID)
    case fetch(JobID, RequestID)
    case fetched(JobID, TreeReference, failure: TransferFailure?)
    /// A connection to the worker is about to be opened and needs a fence.
    case connecting(WorkerName)
    case connected(WorkerName, Fence, Welcome)
    /// - `login`: no try can succeed before a person has done something.
    case disconnected(WorkerName, Fence, reason: String, login: LoginNeed?)
    /// A ping was not answered; the connection stands, as far as anyone can tell.
    case silent(WorkerName, Fence, since: WallTime)
    case message(WorkerName, Fence, AgentMessage)
    case pushed(
        WorkerName, StartToken, TreeReference, bytesSent: ByteCount, failure: TransferFailure?)
    /// The secrets of a task are in the memory of its worker's agent, or are not.
    case secretsHanded(WorkerName, StartToken, failure: TransferFailure?)
    /// The secrets of a job that waits are nowhere any more.
    case secretsLost(JobID)
    /// A job that was dropped from memory is needed again, by the next event: a `fetch`, or a
    /// report on one of its tasks, in a `message` or in the welcome of `connected`. Has no effects.
    case restored(JobRecord)
    /// A worker is to be known from now on, or known differently.
    case putWorker(WorkerRecord, RequestID)
    /// A worker is to take no new jobs from now on, or is to take them again.
    case drain(WorkerName, Bool, RequestID)
    /// What lies on a worker already is declared, or taken back.
    case changeDatasets(WorkerName, DatasetChange, RequestID)
    /// The configuration has been read.
    case rules(DataRules)
    /// - `declaresLost`: what is not over there is given up.
    case removeWorker(WorkerName, declaresLost: Bool, RequestID)
    /// How many bytes of a tree's files a worker lacks; `nil` where it could not be found out.
    case measured(WorkerName, Fence, TreeReference, missing: ByteCount?)
    case tick(random: UInt64)
}

/// How a push, or a fetch of outputs, ended short.
package enum TransferFailure: Hashable, Sendable {
    /// The link broke; it goes on when the worker is back.
    case interrupted
    /// It cannot succeed: a file that was to be sent has changed, the worker's disk is full, or
    /// who should have the content has lost it.
    case impossible(String)
}

/// What a coordinator's core wants done. The commits of all events of one turn of the inbox are
/// one transaction, durable before any other effect of that turn is carried out.
package enum CoordinatorEffect: Sendable {
    case commit(JobRecord)
    /// Part of the same transaction as the jobs of the turn.
    case commitWorker(WorkerRecord)
    /// As ``commitWorker(_:)``.
    case deleteWorker(WorkerName)
    /// Keeps a link to the worker from now on, by this record.
    case link(WorkerRecord)
    case unlink(WorkerName)
    /// Ends the connection that was opened under this fence.
    case breakLink(WorkerName, Fence, reason: String)
    /// Finds out what the worker lacks of a tree; answered by `measured`.
    case measure(WorkerName, Fence, TreeReference)
    case reply(RequestID, CoordinatorReply)
    /// Wakes whoever waits for the job to change.
    case changed(JobID)
    case open(WorkerName, Fence)
    case send(WorkerName, Fence, CoordinatorMessage)
    case push(WorkerName, StartToken, TreeReference, [FileReference])
    case fetch(WorkerName, JobID, TreeReference)
    /// Hands the secrets that were kept under a client key to the worker; answered by
    /// `secretsHanded`.
    case handSecrets(WorkerName, StartToken, names: [String], clientKey: String)
    /// The job is over: nobody needs the secrets that were kept under its client key.
    case dropSecrets(clientKey: String)
    /// The ledger has the job for good; memory need not.
    case forget(JobID)
    /// Sends a tick at this moment. One alarm is kept, at the earliest moment asked for; what was
    /// asked for beyond it is asked for again after that tick.
    case wake(SteadyTime)
}

/// The answer to a request, given once it is durable.
package enum CoordinatorReply: Sendable {
    case submitted(JobID)
    case done
    case failed(ShuntError)
}
