/// The paths of the coordinator's HTTP API over its Unix socket, and the small bodies that go with
/// them. JSON in and out but for logs; an error is a ``ShuntError`` as JSON under a 4xx or 5xx.
///
/// | request | answer |
/// |---|---|
/// | `POST /v1/jobs` ``SubmitRequest`` | 201 ``SubmitResponse`` |
/// | `POST /v1/plan` ``PlanRequest`` | ``PlanView`` |
/// | `GET /v1/jobs?all=1&name=N` | array of ``JobView``, newest first, at most 10,000 |
/// | `GET /v1/jobs/REF?after=VERSION&wait_ms=MS` | ``JobView``, as soon as its version is higher |
/// | `GET /v1/jobs/REF/log?rank=R&offset=N&max=B&wait_ms=MS` | a ``LogPage``: see ``LogHeaders`` |
/// | `GET /v1/jobs/REF/log-tail?rank=R&lines=N&stream=1` | where they begin: ``LogOffset`` |
/// | `POST /v1/jobs/REF/signal` ``SignalRequest`` | 204 |
/// | `POST /v1/jobs/REF/cancel` ``CancelRequest`` | 204 |
/// | `POST /v1/jobs/REF/fetch` | ``JobView``; fetching has begun or is done |
/// | `GET /v1/workers` | array of ``WorkerView`` |
/// | `PUT /v1/workers` ``WorkerRecord`` | 204; added, or known by this record from now on |
/// | `DELETE /v1/workers/NAME?lost=1` | 204 |
/// | `POST /v1/workers/NAME/drain?resume=1` | 204; takes no new jobs, or takes them again |
/// | `POST /v1/workers/NAME/connect?wait_ms=MS` | ``WorkerView``, once it is connected |
/// | `GET /v1/workers/NAME/environments` | array of ``EnvironmentView``, the last used first |
/// | `DELETE /v1/workers/NAME/environments/KEY` | array of the one ``EnvironmentView`` |
/// | `GET /v1/status` | ``CoordinatorStatus`` |
/// | `POST /v1/stop` | 202; ends once what was asked before is durable |
///
/// REF is an ID, a name (its latest job), or a unique prefix of an ID, in that order.
package enum APIPath {
    package static let version = "/v1"
    package static let jobs = "/v1/jobs"
    package static let plan = "/v1/plan"
    package static let workers = "/v1/workers"
    package static let configuration = "/v1/configuration"
    package static let status = "/v1/status"
    package static let stop = "/v1/stop"
    /// The longest that a long poll is held open.
    package static let longestWait = Milliseconds.seconds(30)
    /// The longest until a worker that is asked for a plan is seen to be silent, and more.
    package static let longestPlan = Milliseconds.seconds(20)
    /// The longest that a worker looks at data before it says what it has seen so far, and more.
    package static let longestExamination = Milliseconds.seconds(45)
    /// How much longer than it was asked to the coordinator may take over a log: for a link to the
    /// worker that is just being opened, or has yet to be seen broken.
    package static let logGrace = Milliseconds.seconds(6)
    /// The largest page of a log.
    package static let logPage = ByteCount.mebibytes(4)
    /// The largest body that the coordinator takes.
    package static let bodyLimit = ByteCount.mebibytes(16)
}

/// Headers of the answer to a log request, whose body is a run of whole log records
/// (``LogRecord``), empty when nothing came within the wait.
package enum LogHeaders {
    /// The offset to ask for next.
    package static let nextOffset = "Shunt-Next-Offset"
    /// `1` when the job is terminal and nothing follows.
    package static let complete = "Shunt-Log-Complete"
}

/// The header by which every request says where the ssh-agent of its person listens.
package enum AuthenticationSocketHeaderName {
    package static let text = "Shunt-Auth-Sock"
}

/// A place in a job's log, from which reading can begin. A line may start in the middle of a
/// record.
package struct LogOffset: Hashable, Sendable, Codable {
    /// Of a record.
    package var offset: UInt64
    /// How many bytes of that record's output belong to earlier lines.
    package var skip: UInt32

    package init(offset: UInt64, skip: UInt32 = 0) {
        self.offset = offset
        self.skip = skip
    }
}

/// Asks that a signal be sent to a job's command.
package struct SignalRequest: Hashable, Sendable, Codable {
    /// 1 … 64, by the numbers of Linux.
    package var signal: Int32

    package init(signal: Int32) { self.signal = signal }
}

/// Asks that a job be ended.
package struct CancelRequest: Hashable, Sendable, Codable {
    /// KILL at once, without TERM and its grace period.
    package var immediately: Bool

    package init(immediately: Bool) { self.immediately = immediately }
}
