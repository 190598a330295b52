internal import CLinux
internal import Glibc
internal import JobModel

/// One life of a supervisor, from taking the lock to the last record.
struct SupervisorRun: ~Copyable {
    let task: TaskDirectory
    let records: RecordReader
    let watch: DirectoryWatch
    let timer: OwnedDescriptor
    /// Open for reading and writing, so that they hold what is in them when init is killed.
    let output: OwnedDescriptor
    let errors: OwnedDescriptor
    var log: LogWriter
    /// `nil` where the launch file cannot be used; init then says why.
    let launch: LaunchFile?

    /// What is known of init and what has been done, all found again by a successor.
    var initWatch = InitWatch()
    /// What its record said when it was last read.
    var knownInit: InitProcess?
    var stopping: StoppingRecord?
    /// Set once init was told to kill the tree.
    var killing: KillSchedule?
    /// The tree, or a part of it, was ended by this process while its init lived.
    var endedByHand = false
    /// When init was first told that it may go.
    var dismissedAt: SteadyTime?
    var hasReportedStop = false
    var exit: ExitRecord?
    /// What is known of the container, where there is one.
    var container = ContainerRun()
    /// Rounds in which orphans of a killed init were still found.
    var orphanRounds = 0
    /// When something that failed, or that nothing wakes us for, is looked at again.
    var nextLook: SteadyTime?

    /// How long things that nothing tells of are left alone.
    static let lookInterval = Milliseconds(500)
    /// Of each stream in one round.
    static let bytesPerRound = 1 << 20

    init(_ task: TaskDirectory) throws(SystemError) {
        let directory = try task.open()
        for name in [TaskDirectory.output, TaskDirectory.errors, TaskDirectory.control] {
            try TaskDirectory.makeFIFO(name, in: directory)
        }
        let watch = try DirectoryWatch(task.path)
        let timer = OwnedDescriptor(
            adopting: try SystemError.check("create", "timer") {
                timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
        let output = try directory.open(TaskDirectory.output, O_RDWR | O_NONBLOCK)
        let errors = try directory.open(TaskDirectory.errors, O_RDWR | O_NONBLOCK)
        let log = try LogWriter(at: task.logPath)
        let records = RecordReader(directory)
        SmallFile.reserve(StoppingRecord.name, in: records.directory)
        SmallFile.reserve(EndedRecord.name, in: records.directory)
        // One that is damaged only means that the grace period is granted again.
        let stopping = try? records.read(StoppingRecord.name, StoppingRecord.init)
        launch = Self.launchFile(records)
        self.task = task
        self.watch = watch
        self.timer = timer
        self.output = output
        self.errors = errors
        self.log = log
        self.records = records
        self.stopping = stopping ?? nil
    }

    private static func launchFile(_ records: borrowing RecordReader) -> LaunchFile? {
        do throws(SystemError) {
            return try records.launch()
        } catch {
            Supervisor.report("\(error)")
            return nil
        }
    }

    /// Runs until `ended` is durable and init is gone.
    mutating func untilEnded() throws(SystemError) {
        while true {
            watch.drain()
            nextLook = nil
            reapOrphans()
            if try step() { return }
            var busy = true
            // Output alone changes nothing: it is moved until it pauses or something else happens.
            while busy {
                busy = pump(limit: Self.bytesPerRound)
                if try wait(isBusy: busy) { break }
            }
        }
    }

    /// Does what the records say is due.
    ///
    /// - Returns: `true` when nothing is left to do.
    private mutating func step() throws(SystemError) -> Bool {
        let now = Moment.now()
        log.settleGaps(at: now)
        if log.hasPendingGap { look(after: LogWriter.retryInterval, from: now) }
        switch try records.phase() {
        case .ended:
            return try dismissInit(at: now)
        case .notLaunched: try endWithoutRecords(at: now)
        case .launching:
            try beforeInit(at: now)
        case .atBarrier(let process):
            knownInit = process
            initWatch.follow(process)
            try keepTime(start: nil, at: now)
        case .running(let process, let since):
            knownInit = process
            initWatch.follow(process)
            try keepTime(start: since.steady, at: now)
        case .ending(let exit):
            self.exit = exit
            if let process = try records.ready() { initWatch.follow(process) }
            // A tree that does not end by itself is still ended on request.
            try keepTime(start: exit.start?.steady, at: now)
            if records.has(TreeRecord.name) {
                try finish(exit, tree: try records.read(TreeRecord.name, TreeRecord.init))
            } else if !(try records.isHeld(TaskDirectory.initLock)) {
                try endOrphans(exit)
            } else {
                wakeInit()
                look(after: Self.lookInterval, from: now)
            }
        case .vanishing:
            try endOrphans(nil)
        }
        if initWatch.needsLooking { look(after: Self.lookInterval, from: now) }
        return false
    }

    mutating func look(after interval: Milliseconds, from now: Moment) {
        let time = now.steady + interval
        nextLook = nextLook.map { min($0, time) } ?? time
    }
}

// MARK: - Output

extension SupervisorRun {
    /// Moves output into the log, in turns.
    ///
    /// - Returns: whether more may be waiting.
    mutating func pump(limit: Int) -> Bool {
        let now = Moment.now()
        var left = (output: limit, errors: limit)
        var moved = true
        while moved, left.output > 0 || left.errors > 0 {
            let fromOutput = log.transfer(
                from: output.raw, stream: .standardOutput, limit: left.output, at: now)
            let fromErrors = log.transfer(
                from: errors.raw, stream: .standardError, limit: left.errors, at: now)
            left.output -= fromOutput
            left.errors -= fromErrors
            moved = fromOutput > 0 || fromErrors > 0
        }
        return left.output == 0 || left.errors == 0
    }

    /// Reads what is in the FIFOs now and no more: all that the tree wrote, since it is gone. What
    /// escaped of it and still writes cannot hold up the end.
    mutating func drain() {
        let now = Moment.now()
        for (pipe, stream) in [
            (output.raw, LogStream.standardOutput), (errors.raw, LogStream.standardError),
        ] {
            var left = Int(max(0, shunt_bytes_waiting(pipe)))
            while left > 0 {
                let moved = log.transfer(from: pipe, stream: stream, limit: left, at: now)
                if moved == 0, shunt_bytes_waiting(pipe) <= 0 { break }
                left -= moved
            }
        }
    }

    /// Waits for output, a change of the records, init's end, or a time.
    ///
    /// - Returns: whether it was something other than output.
    private func wait(isBusy: Bool) throws(SystemError) -> Bool {
        try setTimer()
        var sources = [
            pollfd(fd: watch.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: timer.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: initWatch.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.raw, events: Int16(POLLIN), revents: 0),
        ]
        try SystemError.check("wait for", task.path) {
            poll(&sources, nfds_t(sources.count), isBusy ? 0 : -1)
        }
        return sources[..<3].contains { $0.revents != 0 }
    }

    private func setTimer() throws(SystemError) {
        var setting = itimerspec()
        if let time = nextLook {
            // Zero would disarm it.
            let milliseconds = max(1, time.milliseconds)
            setting.it_value.tv_sec = Int(milliseconds / 1000)
            setting.it_value.tv_nsec = Int(milliseconds % 1000) * 1_000_000
        }
        let raw = timer.raw
        try SystemError.check("set", "timer") {
            timerfd_settime(raw, Int32(TFD_TIMER_ABSTIME), &setting, nil)
        }
    }
}
