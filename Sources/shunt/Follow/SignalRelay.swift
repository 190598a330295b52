internal import CoordinatorClient
internal import Dispatch
internal import Glibc
internal import JobModel
internal import Synchronization

/// Takes the signals of `run` from the moment that the job may exist.
///
/// SIGINT goes to the job by ``InterruptPolicy``. SIGHUP (the terminal was closed) and SIGTERM end
/// this command at once and leave the job running.
final class SignalRelay: Sendable {
    private let progress: ProgressDisplay
    private let interrupts: AsyncStream<SteadyTime>
    private let arrived: AsyncStream<SteadyTime>.Continuation
    private let latest = Mutex(Latest())

    private struct Latest {
        var job: JobID?
        var progress = InterruptPolicy.JobProgress.waiting
        /// `nil` until one is known.
        var attempt: Int?
    }

    /// What an interrupt meets now.
    var jobProgress: InterruptPolicy.JobProgress { latest.withLock { $0.progress } }

    init(progress: ProgressDisplay) {
        self.progress = progress
        // More than these many interrupts that nobody has looked at say nothing new.
        (interrupts, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(8))
    }

    /// Begins to take the signals, instead of dying by them. One that was ignored when this
    /// command began stays ignored: `nohup` wants it so, and a shell for what it puts in the
    /// background.
    ///
    /// - Returns: what keeps the sources alive; signals are lost once it is gone.
    func begin() -> SignalSubscription {
        let numbers = [SIGINT, SIGHUP, SIGTERM].filter { !SignalSubscription.isIgnored($0) }
        return SignalSubscription(to: numbers) { self.receive($0) }
    }

    /// Notes what is known of the job.
    func note(_ id: JobID, _ view: JobView? = nil) {
        latest.withLock { latest in
            latest.job = id
            guard let view else { return }
            // An attempt that was seen to run waits no more, whatever an earlier look at it says.
            let isSame = latest.attempt == nil || latest.attempt == view.attempt
            latest.attempt = view.attempt ?? latest.attempt
            if isSame, view.progress == .waiting, latest.progress == .running { return }
            latest.progress = view.progress
        }
    }

    /// Notes that the job has said something: it runs, even before the coordinator knows of it,
    /// since output and reports come by different ways.
    func noteOutput() {
        latest.withLock { latest in
            if latest.progress == .waiting { latest.progress = .running }
        }
    }

    /// Carries interrupts to the latest job until the task is cancelled.
    func relay(over connection: CoordinatorConnection) async {
        var policy = InterruptPolicy()
        for await moment in interrupts {
            let latest = latest.withLock { $0 }
            let action = policy.interrupt(at: moment, job: latest.progress)
            guard let job = latest.job else { leave(SIGINT) }
            do {
                try await carry(out: action, job, connection)
            } catch {
                // The next interrupt tries again, or leaves.
                progress.warn("the job was not reached: \(error)")
            }
        }
    }

    private func carry(
        out action: InterruptPolicy.Action, _ job: JobID, _ connection: CoordinatorConnection
    ) async throws {
        switch action {
        case .signal:
            progress.note("SIGINT to the job; press Ctrl-C again to cancel it")
            try await connection.signal(JobReference(job), SIGINT)
        case .cancel:
            progress.note("cancelling job \(job)")
            try await connection.cancel(JobReference(job))
        case .leave: leave(SIGINT)
        }
    }

    private func receive(_ number: Int32) {
        if number == SIGINT {
            arrived.yield(MonotonicClock.now())
        } else {
            leave(number)
        }
    }

    /// Ends this command as the signal would have, without waiting for anything.
    private func leave(_ number: Int32) -> Never {
        progress.clear()
        if let job = latest.withLock({ $0.job }) {
            progress.warn("job \(job) is left as it is; `shunt logs -f \(job)` shows it again")
        }
        _exit(128 + number)
    }
}

/// Signals that are handled instead of ending this process.
struct SignalSubscription {
    private let sources: [any DispatchSourceSignal]

    init(to numbers: [Int32], _ handle: @escaping @Sendable (Int32) -> Void) {
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { handle(number) }
            source.resume()
            return source
        }
    }

    static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        // SIG_IGN is the address 1, of which Swift can make no function to compare with.
        let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        return handler == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    func end() {
        for source in sources { source.cancel() }
    }
}

/// `CLOCK_BOOTTIME`, for counting between two key presses.
enum MonotonicClock {
    static func now() -> SteadyTime {
        var time = timespec()
        // Cannot fail: the clock is there since Linux 2.6.39.
        clock_gettime(CLOCK_BOOTTIME, &time)
        return SteadyTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
