internal import CLinux
internal import Glibc
package import JobModel

/// The directory of one launched task: all that agent, supervisor and init know of it together.
///
/// | file | written by | what it is |
/// |---|---|---|
/// | `launch` | agent | the plan: command, environment, limits; fixed before anything starts |
/// | `launch.staged` | agent | of a gang: the plan but for what the tasks learn of each other |
/// | `hostfile` | agent | of a gang: where its tasks are, for launchers that read one |
/// | `stdout.fifo`, `stderr.fifo` | agent | what the command writes; init holds both read-write |
/// | `control.fifo` | agent | go, signal, stop, kill, quit: 8 bytes a command, read by init |
/// | `init.lock` | init | held while init lives |
/// | `supervisor.lock` | supervisor | held while a supervisor lives, whose pid is in it |
/// | `init.ready` | init | who init is and how it can kill; the command waits at its barrier |
/// | `engine.started` | supervisor | of a container: the engine has been asked to start it |
/// | `engine.err`, `engine.out` | the engine | what it said at the start and at the end |
/// | `init.host` | supervisor | of a container: what its init is called outside |
/// | `running` | init | the command was executed, and when |
/// | `exit` | init | **durable**: how the command ended |
/// | `survivors` | init, or for it the supervisor | what SIGKILL has not ended after 5 s |
/// | `tree` | init | nothing of the command's tree is left |
/// | `stop` | agent | **durable**: end it, why, with which grace period |
/// | `stopping` | supervisor | the end has begun, and when SIGKILL is due |
/// | `ended` | supervisor | **durable**: tree gone, log complete and synced; the last word |
/// | `log/` | supervisor | segments of log records, and the count of what was lost |
/// | `supervisor.err` | supervisor | what a supervisor had to say to people, usually empty |
/// | `*.tmp` | | records before their rename; `exit.tmp` and `ended.tmp` reserve space |
///
/// Who lives is said by the locks, what has happened by the records; pids only ever find processes
/// to signal. Each record appears once, whole, by rename. The order in which a task moves:
/// `launch` → `init.ready` → (`started` becomes durable at the agent) → go → `running` → `exit` →
/// `tree` → `ended` → quit. Init's lock free with `init.ready` and without `exit` means that init
/// was killed: the supervisor ends what it finds of the tree and writes `ended` as `vanished`.
///
/// Every method may be called again after it was interrupted at any point, by this process or by
/// the agent's next life. All of them block on the file system: call them on the executor for
/// blocking work.
package struct TaskDirectory: Hashable, Sendable {
    package let path: String

    static let output = "stdout.fifo"
    static let errors = "stderr.fifo"
    static let control = "control.fifo"
    static let initLock = "init.lock"
    static let supervisorLock = "supervisor.lock"
    static let supervisorErrors = "supervisor.err"
    static let stagedLaunch = "launch.staged"
    static let hostFile = "hostfile"

    /// - Parameter path: absolute; need not exist before ``prepare(_:)``.
    package init(_ path: String) { self.path = path }

    /// Whether there is a directory at all.
    package var exists: Bool { access(path, F_OK) == 0 }

    /// Where the log of the task lies.
    package var logPath: String { path + "/" + LogSegments.directoryName }

    /// Makes the directory and writes the plan and the FIFOs.
    ///
    /// To be called only for a task whose `started` is not durable: a plan that is left from an
    /// earlier boot is replaced. One that an init was started from stays as it is.
    ///
    /// - Parameter isWhole: `false` where ``complete(_:)`` is still to come.
    /// - Throws: ``ShuntError`` for a plan that cannot be run, or from the file system.
    package func prepare(_ plan: LaunchPlan, isWhole: Bool = true) throws(ShuntError) {
        let bytes = try LaunchFile(plan: plan, bootID: BootID.current()).encoded()
        try reporting { () throws(SystemError) in
            try create()
            let directory = try open()
            for name in [Self.output, Self.errors, Self.control] {
                try Self.makeFIFO(name, in: directory)
            }
            if try Self.wasLaunched(in: directory) { return }
            // Not durable: a power cut also ends all that could be running from it.
            let name = isWhole ? LaunchFile.name : Self.stagedLaunch
            try SmallFile.write(bytes, to: name, in: directory, durable: false)
            SmallFile.reserve(StopRequest.name, in: directory)
        }
    }

    /// Makes the plan of a task of a gang whole. As ``prepare(_:isWhole:)``, it leaves a plan alone
    /// that an init was started from.
    ///
    /// - Parameter hosts: what ``hostFile`` says from then on.
    /// - Throws: ``ShuntError`` for a plan that cannot be run, or from the file system.
    package func complete(
        hosts: [UInt8], _ change: (inout LaunchPlan) throws(ShuntError) -> Void
    ) throws(ShuntError) {
        let staged: LaunchFile? = try reporting { () throws(SystemError) in
            let directory = try open()
            if try Self.wasLaunched(in: directory) { return nil }
            let records = RecordReader(directory)
            guard let file = try records.launch(Self.stagedLaunch) else {
                throw SystemError(call: "read", subject: Self.stagedLaunch, errno: ENOENT)
            }
            return file
        }
        guard var file = staged else { return }
        try change(&file.plan)
        let bytes = try LaunchFile(plan: file.plan, bootID: BootID.current()).encoded()
        try reporting { () throws(SystemError) in
            let directory = try open()
            try SmallFile.write(hosts, to: Self.hostFile, in: directory, durable: false)
            try SmallFile.write(bytes, to: LaunchFile.name, in: directory, durable: false)
        }
    }

    private static func wasLaunched(
        in directory: borrowing OwnedDescriptor
    ) throws(SystemError) -> Bool {
        for name in [InitProcess.name, ExitRecord.name, EndedRecord.name]
        where SmallFile.exists(name, in: directory) {
            return true
        }
        return try FileLock.isHeld(initLock, in: directory)
    }

    /// Starts a supervisor, detached from this process and its terminal. Harmless where one lives:
    /// the new one finds the lock taken and ends.
    ///
    /// - Parameter executable: `shunt-agent`, run as `shunt-agent supervise DIRECTORY`.
    /// - Returns: the pid, to be reaped by the caller (``reap(_:)``).
    package func spawnSupervisor(executable: String) throws(ShuntError) -> Int32 {
        try reporting { () throws(SystemError) in
            let child = ChildProcess(
                executable: executable, arguments: [executable, "supervise", path],
                standardError: path + "/" + Self.supervisorErrors)
            return try child.spawn()
        }
    }

    /// Collects a supervisor that has ended.
    ///
    /// - Returns: `true` when the process is gone; it is not asked about again.
    package static func reap(_ supervisor: Int32) -> Bool {
        var status: Int32 = 0
        while true {
            let result = waitpid(supervisor, &status, WNOHANG)
            if result < 0, errno == EINTR { continue }
            return result != 0
        }
    }

    /// Opens the barrier. Only ever after `started` is durable; harmless when repeated.
    ///
    /// - Returns: whether an init was there to hear it.
    @discardableResult
    package func release() throws(ShuntError) -> Bool { try send(.go) }

    /// Sends a signal to the process group that the command leads, as a terminal would.
    ///
    /// - Returns: whether an init was there to hear it; one that no longer has a command ignores
    ///   it.
    @discardableResult
    package func signal(_ number: Int32) throws(ShuntError) -> Bool { try send(.signal(number)) }

    /// Has the supervisor end the task: stop signal, grace period, SIGKILL for the whole tree.
    /// Durable when this returns. A later request can only bring the end nearer; a grace period of
    /// zero kills at once. A task that was not launched, or not even prepared, ends without having
    /// run once it is.
    package func requestStop(_ order: StopOrder) throws(ShuntError) {
        try reporting { () throws(SystemError) in
            let request = StopRequest(order: order, requestedAt: Moment.now().steady)
            try create()
            let directory = try open()
            try SmallFile.write(
                request.encoded, to: StopRequest.name, in: directory, durable: true)
            // For the next one: cancelling must be possible on a full disk.
            SmallFile.reserve(StopRequest.name, in: directory)
        }
    }

    /// Removes all but the log of a task that has ended. What is not listed above stays.
    ///
    /// - Throws: ``ShuntError`` with `refused` while a supervisor or an init lives.
    package func discard() throws(ShuntError) {
        if try isAlive() {
            throw ShuntError(.refused, "the task of `\(path)` has not ended yet")
        }
        try reporting { () throws(SystemError) in
            let directory = try open()
            for name in Self.files {
                unlinkat(directory.raw, name, 0)
                unlinkat(directory.raw, name + ".tmp", 0)
            }
        }
    }

    /// Whether a supervisor or an init of this task lives.
    package func isAlive() throws(ShuntError) -> Bool {
        try reporting { () throws(SystemError) in
            let directory = try open()
            if try FileLock.isHeld(Self.initLock, in: directory) { return true }
            return try FileLock.isHeld(Self.supervisorLock, in: directory)
        }
    }

    private static let files = [
        LaunchFile.name, stagedLaunch, hostFile, output, errors, control, initLock,
        InitProcess.name, HostProcess.name,
        ContainerRun.marker, ContainerRun.errors, ContainerRun.answer, RunningRecord.name,
        ExitRecord.name,
        "survivors", TreeRecord.name, StopRequest.name, StoppingRecord.name,
        supervisorErrors, supervisorLock,
        // Last: while it stands, everybody knows that the task is over.
        EndedRecord.name,
    ]
}

extension TaskDirectory {
    private func create() throws(SystemError) {
        if mkdir(path, 0o700) < 0, errno != EEXIST {
            throw SystemError(call: "create", subject: path, errno: errno)
        }
    }

    func open() throws(SystemError) -> OwnedDescriptor {
        try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
    }

    static func makeFIFO(
        _ name: String, in directory: borrowing OwnedDescriptor
    ) throws(SystemError) {
        let raw = directory.raw
        do throws(SystemError) {
            try SystemError.check("create", name) { mkfifoat(raw, name, 0o600) }
        } catch {
            if error.errno != EEXIST { throw error }
        }
    }

    private func send(_ command: InitCommand) throws(ShuntError) -> Bool {
        try reporting { () throws(SystemError) in try command.send(in: open()) }
    }

    /// Turns what a call says into what a person reads.
    func reporting<Result: ~Copyable>(
        _ body: () throws(SystemError) -> Result
    ) throws(ShuntError) -> Result {
        do throws(SystemError) {
            return try body()
        } catch {
            throw ShuntError(error, in: path)
        }
    }
}
