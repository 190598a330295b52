package import JobModel
internal import NIOHTTP1
internal import Synchronization

/// A typed client of the coordinator's HTTP API: one function for each row of the table in
/// ``APIPath``. Each request has a connection of its own to one Unix socket, so that what a
/// coordinator has ended or was ended with is never mistaken for one that answers.
///
/// Every function throws ``ShuntError``: the coordinator's own, or `unreachable` where none
/// answers. A request that is safe to repeat is repeated when the coordinator went away under it,
/// after `restart` has brought one back: all reads are, and `submit` is by its client key. A signal
/// is not, since nobody can say whether it was delivered.
package struct CoordinatorConnection: Sendable {
    package let socketPath: String
    private let restart: (@Sendable () async throws -> Void)?
    private let lockPath: String?
    let silence: SilenceNotice

    /// - Parameters:
    ///   - lockPath: the file whose lock the coordinator holds, which says what process it is.
    ///   - restart: starts a coordinator and returns once one answers; `nil` for callers that
    ///     would rather hear that there is none.
    ///   - onSilence: is told once, in words, that an answer is late.
    package init(
        socketPath: String, lockPath: String? = nil,
        restart: (@Sendable () async throws -> Void)? = nil,
        onSilence: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.socketPath = socketPath
        self.lockPath = lockPath
        self.restart = restart
        silence = SilenceNotice(onSilence)
    }

    /// The process of the coordinator, where one has the lock and says so.
    var holder: Int32? { lockPath.flatMap { LockProbe.holder($0) } }

    /// The coordinator with its process, for people.
    var coordinatorText: String {
        "the coordinator" + (holder.map { " (process \($0))" } ?? "")
    }
}

/// Tells of silence once, however many requests meet it.
final class SilenceNotice: Sendable {
    private let wasTold = Atomic(false)
    private let onSilence: @Sendable (String) -> Void

    init(_ onSilence: @escaping @Sendable (String) -> Void) { self.onSilence = onSilence }

    func tell(_ text: String) {
        if !wasTold.exchange(true, ordering: .relaxed) { onSilence(text) }
    }
}

extension CoordinatorConnection {
    /// - Returns: the ID of the job, which is durable; the same one if the key was used before.
    package func submit(_ request: SubmitRequest) async throws -> JobID {
        let answer: SubmitResponse = try await exchange(
            .post(APIPath.jobs, body: request), repeating: .ifInterrupted)
        return answer.id
    }

    /// What a submission would send and leave out; changes nothing.
    package func plan(_ request: PlanRequest) async throws -> PlanView {
        var post = try APIRequest.post(APIPath.plan, body: request)
        post.wait = APIPath.longestPlan
        return try await exchange(post, repeating: .ifInterrupted)
    }

    /// - Parameters:
    ///   - all: terminal jobs too.
    ///   - name: only the jobs of this name.
    package func jobs(all: Bool = false, name: String? = nil) async throws -> [JobView] {
        var query: [QueryItem] = []
        if all { query.append(QueryItem("all", "1")) }
        if let name { query.append(QueryItem("name", name)) }
        return try await exchange(.get(APIPath.jobs, query), repeating: .ifInterrupted)
    }

    /// - Parameters:
    ///   - after: answer only once the job's version is higher; at once without it.
    ///   - wait: the longest to wait for that, at most ``APIPath/longestWait``.
    package func job(
        _ reference: JobReference, after: UInt64? = nil, wait: Milliseconds = Milliseconds(0)
    ) async throws -> JobView {
        var query: [QueryItem] = []
        if let after {
            query.append(QueryItem("after", "\(after)"))
            query.append(QueryItem("wait_ms", "\(min(wait, APIPath.longestWait).count)"))
        }
        return try await exchange(
            .get(reference.path, query, wait: wait), repeating: .ifInterrupted)
    }

    /// Asks for outputs to be brought into the coordinator's store.
    package func fetchOutputs(of reference: JobReference) async throws -> JobView {
        try await exchange(.post(reference.path + "/fetch"), repeating: .ifInterrupted)
    }

    /// Sends a signal to the job's command.
    package func signal(_ reference: JobReference, _ number: Int32) async throws {
        try await send(
            .post(reference.path + "/signal", body: SignalRequest(signal: number)),
            repeating: .never)
    }

    /// - Parameter immediately: KILL at once, without TERM and its grace period.
    package func cancel(_ reference: JobReference, immediately: Bool = false) async throws {
        try await send(
            .post(reference.path + "/cancel", body: CancelRequest(immediately: immediately)),
            repeating: .ifInterrupted)
    }

    /// Adds a worker, or replaces what is known of one.
    package func putWorker(_ record: WorkerRecord) async throws {
        try await send(.put(APIPath.workers, body: record), repeating: .ifInterrupted)
    }

    /// - Parameter declaresLost: what is not over there is given up.
    package func removeWorker(_ name: WorkerName, declaresLost: Bool) async throws {
        try await send(
            .delete(
                APIPath.workers + "/\(name)", declaresLost ? [QueryItem("lost", "1")] : []),
            repeating: .never)
    }

    /// Has the coordinator try at once to reach a worker.
    ///
    /// - Parameter wait: the longest to wait for the outcome.
    package func connectWorker(
        _ name: WorkerName, wait: Milliseconds
    ) async throws -> WorkerView {
        try await exchange(
            .post(
                APIPath.workers + "/\(name)/connect",
                [QueryItem("wait_ms", "\(min(wait, APIPath.longestWait).count)")], wait: wait),
            repeating: .ifInterrupted)
    }

    /// The workers, with what they have and what is in use.
    package func workers() async throws -> [WorkerView] {
        try await exchange(.get(APIPath.workers), repeating: .ifInterrupted)
    }

    /// The environments that a worker has built, the one that was used last first.
    package func environments(of worker: WorkerName) async throws -> [EnvironmentView] {
        try await exchange(
            .get(APIPath.workers + "/\(worker)/environments"), repeating: .ifInterrupted)
    }

    /// - Returns: what was removed.
    package func removeEnvironment(
        _ key: String, of worker: WorkerName
    ) async throws -> [EnvironmentView] {
        try await exchange(
            .delete(APIPath.workers + "/\(worker)/environments/\(key)", []), repeating: .never)
    }

    /// Has a worker take no new jobs, or take them again.
    package func drain(_ worker: WorkerName, _ drains: Bool) async throws {
        let query = drains ? [] : [QueryItem("resume", "1")]
        try await send(
            .post(APIPath.workers + "/\(worker)/drain", query), repeating: .ifInterrupted)
    }

    /// Declares what lies on a worker already, or takes that back.
    package func changeDatasets(_ change: DatasetChange, on worker: WorkerName) async throws {
        try await send(
            .post(APIPath.workers + "/\(worker)/data", body: change), repeating: .ifInterrupted)
    }

    /// What lies at the path of a dataset that is about to be declared.
    package func examine(_ dataset: Dataset, on worker: WorkerName) async throws -> DataFingerprint
    {
        var request = try APIRequest.post(APIPath.workers + "/\(worker)/examine", body: dataset)
        request.wait = APIPath.longestExamination
        return try await exchange(request, repeating: .ifInterrupted)
    }

    /// Has the coordinator read the configuration that has just been changed.
    package func configurationChanged() async throws {
        try await send(.post(APIPath.configuration + "/read"), repeating: .ifInterrupted)
    }

    /// The coordinator's process, release and work.
    package func status() async throws -> CoordinatorStatus {
        try await exchange(.get(APIPath.status), repeating: .ifInterrupted)
    }

    /// Asks the coordinator to end; returns when it has agreed, not when it has ended.
    package func stop() async throws {
        try await send(.post(APIPath.stop), repeating: .never)
    }
}

extension CoordinatorConnection {
    /// A page of a job's log.
    ///
    /// - Parameters:
    ///   - rank: of the task whose log is meant.
    ///   - offset: where the page starts; 0, or the `nextOffset` of the page before.
    ///   - limit: at most ``APIPath/logPage``.
    ///   - wait: the longest to wait for the first byte.
    package func logPage(
        of reference: JobReference, rank: Int = 0, from offset: UInt64,
        limit: ByteCount = APIPath.logPage,
        wait: Milliseconds = Milliseconds(0)
    ) async throws -> LogPage {
        let answer = try await perform(
            .get(
                reference.path + "/log",
                [
                    QueryItem("rank", "\(rank)"), QueryItem("offset", "\(offset)"),
                    QueryItem("max", "\(limit.bytes)"),
                    QueryItem("wait_ms", "\(min(wait, APIPath.longestWait).count)"),
                ], wait: Milliseconds(wait.count + APIPath.logGrace.count)),
            repeating: .ifInterrupted)
        guard let text = answer.headers.first(name: LogHeaders.nextOffset),
            let next = UInt64(text), next >= offset
        else {
            throw ShuntError(
                .failed, "the coordinator sent a page of a log without its next offset",
                hint: "shunt coordinator stop")
        }
        return LogPage(
            bytes: answer.body, nextOffset: next,
            isComplete: answer.headers.first(name: LogHeaders.complete) == "1")
    }

    /// - Parameter stream: whose lines count; `nil` for those of both.
    /// - Returns: where the last `lines` lines of a job's log begin.
    package func logTail(
        of reference: JobReference, rank: Int = 0, lines: Int, stream: LogStream?
    ) async throws -> LogOffset {
        let streams = stream.map { [QueryItem("stream", "\($0.rawValue)")] } ?? []
        return try await exchange(
            .get(
                reference.path + "/log-tail",
                [QueryItem("rank", "\(rank)"), QueryItem("lines", "\(lines)")] + streams,
                wait: APIPath.logGrace),
            repeating: .ifInterrupted)
    }
}

/// Whole records of a job's log.
package struct LogPage: Hashable, Sendable {
    /// Empty when nothing came within the wait.
    package var bytes: [UInt8]
    package var nextOffset: UInt64
    /// The job is terminal and nothing follows.
    package var isComplete: Bool

    package init(bytes: [UInt8], nextOffset: UInt64, isComplete: Bool) {
        self.bytes = bytes
        self.nextOffset = nextOffset
        self.isComplete = isComplete
    }
}

extension CoordinatorConnection {
    /// Sends a request, and again while it is safe to repeat and was interrupted.
    func perform(_ request: APIRequest, repeating: Repetition) async throws -> APIAnswer {
        var attempt = 1
        while true {
            do {
                return try await self.attempt(request)
            } catch let failure as TransportFailure {
                guard let restart, attempt < ClientLimits.attempts, failure.reason != .silence,
                    repeating == .ifInterrupted || failure.reason == .notSent
                else { throw failure.error(self) }
                attempt += 1
                // One that is ending may still have the socket: then restarting does nothing yet.
                try await Task.sleep(for: .milliseconds(10 << attempt))
                try await restart()
            }
        }
    }
}

/// Whether a request may be sent again when the connection broke before its answer.
enum Repetition {
    case ifInterrupted
    case never
}

/// Bounds of the client.
enum ClientLimits {
    /// Tries of one request that is safe to repeat, each with a coordinator started anew.
    static let attempts = 8
    /// For an answer that does not wait for anything.
    static let answerSeconds: Int64 = 60
    /// After which a person is told that an answer is late.
    static let silenceBeforeWord = Duration.seconds(3)
    /// 10,000 jobs with long commands.
    static let answerBytes = 256 << 20
}
