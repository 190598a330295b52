internal import CLinux
internal import Glibc
package import JobModel

/// Where a launched task stands, as its locks and records tell.
package struct TaskObservation: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
        /// There is no plan.
        case notLaunched
        /// There is a plan, and no init has come to its barrier.
        case launching
        /// Init waits to be released.
        case atBarrier(InitProcess)
        /// The command was executed.
        case running(InitProcess, since: Moment)
        /// The command has ended; its tree, or the reading of its output, has not.
        case ending(ExitRecord)
        /// Init was killed and left no exit record; its tree is still to be ended. Comes to
        /// `ended` as ``JobModel/ExitStatus/vanished``.
        case vanishing
        case ended(EndedRecord)
    }

    package var phase: Phase
    package var supervisorAlive: Bool
    /// The pid of a supervisor that somebody has stopped: it reads no output and obeys nobody.
    package var stoppedSupervisor: Int32?
    package var initAlive: Bool
    /// Processes that SIGKILL has not ended after five seconds; the kernel holds them.
    package var survivors: [Int32]

    /// Whether ``TaskDirectory/spawnSupervisor(executable:)`` is called for.
    package var needsSupervisor: Bool {
        switch phase {
        case .notLaunched: false
        // An init that was not told to quit waits for somebody who does.
        case .ended: initAlive && !supervisorAlive
        case .launching, .atBarrier, .running, .ending, .vanishing: !supervisorAlive
        }
    }
}

extension TaskDirectory {
    /// Looks at locks and records.
    ///
    /// - Throws: ``ShuntError`` where a record is damaged or cannot be read.
    package func observe() throws(ShuntError) -> TaskObservation {
        try reporting { () throws(SystemError) in
            guard let directory = try openIfPresent() else {
                return TaskObservation(
                    phase: .notLaunched, supervisorAlive: false, initAlive: false, survivors: [])
            }
            let records = RecordReader(directory)
            let phase = try records.phase()
            let supervisorAlive = try records.isHeld(Self.supervisorLock)
            return TaskObservation(
                phase: phase, supervisorAlive: supervisorAlive,
                stoppedSupervisor: supervisorAlive ? try stoppedSupervisor(records.directory) : nil,
                initAlive: try records.isHeld(Self.initLock),
                survivors: phase.mayHaveSurvivors ? try records.survivors() : [])
        }
    }

    /// Asked of every task once a second, so that it reads little.
    private func stoppedSupervisor(
        _ directory: borrowing OwnedDescriptor
    ) throws(SystemError) -> Int32? {
        guard let bytes = try SmallFile.read(Self.supervisorLock, in: directory, limit: 16),
            let pid = Int32(String(decoding: bytes, as: UTF8.self).trimmedLine),
            ProcessState.isStopped(pid),
            // The number may be that of an earlier one, where the disk was full since.
            ProcessState.arguments(of: pid).suffix(2) == ["supervise", path]
        else { return nil }
        return pid
    }

    /// Whether the last record is there: the log is whole, and the rest is for the agent to report.
    package func hasEnded() -> Bool {
        // One that cannot be opened tells nothing: the agent's own knowledge decides.
        guard let directory = try? openIfPresent() else { return false }
        return SmallFile.exists(EndedRecord.name, in: directory)
    }

    private func openIfPresent() throws(SystemError) -> OwnedDescriptor? {
        do throws(SystemError) {
            return try open()
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
    }
}

extension TaskObservation.Phase {
    fileprivate var mayHaveSurvivors: Bool {
        switch self {
        case .notLaunched, .launching, .ended: false
        case .atBarrier, .running, .ending, .vanishing: true
        }
    }
}

/// Reads the records of one task's directory.
struct RecordReader: ~Copyable {
    let directory: OwnedDescriptor

    init(_ directory: consuming OwnedDescriptor) { self.directory = directory }

    func isHeld(_ lock: String) throws(SystemError) -> Bool {
        try FileLock.isHeld(lock, in: directory)
    }

    /// Whether somebody has removed the directory.
    func isRemoved() throws(SystemError) -> Bool {
        var status = stat()
        let raw = directory.raw
        try SystemError.check("look at", "the task's directory") { fstat(raw, &status) }
        return status.st_nlink == 0
    }

    func has(_ name: String) -> Bool { SmallFile.exists(name, in: directory) }

    /// A record, or `nil` where there is none.
    ///
    /// - Throws: EBADMSG for one that is damaged.
    func read<Record>(
        _ name: String, _ parse: ([UInt8]) -> Record?
    ) throws(SystemError) -> Record? {
        guard let bytes = try SmallFile.read(name, in: directory, limit: 64 << 10) else {
            return nil
        }
        guard let record = parse(bytes) else {
            throw SystemError(call: "read the record", subject: name, errno: EBADMSG)
        }
        return record
    }

    func exit() throws(SystemError) -> ExitRecord? {
        try read(ExitRecord.name, ExitRecord.init)
    }

    func ended() throws(SystemError) -> EndedRecord? {
        try read(EndedRecord.name, EndedRecord.init)
    }

    func ready() throws(SystemError) -> InitProcess? {
        guard var process = try insideReady() else { return nil }
        guard process.isInNamespace else { return process }
        guard let host = try read(HostProcess.name, HostProcess.init) else { return nil }
        process.process.pid = host.pid
        process.process.enforcesMemory = host.enforcesMemory
        process.process.enforcesCPU = host.enforcesCPU
        return process
    }

    /// What init says of itself, in a container with the numbers that count in it.
    func insideReady() throws(SystemError) -> InitProcess? {
        try read(InitProcess.name, InitProcess.init)
    }

    func running() throws(SystemError) -> RunningRecord? {
        try read(RunningRecord.name, RunningRecord.init)
    }

    func launch(_ name: String = LaunchFile.name) throws(SystemError) -> LaunchFile? {
        guard
            let bytes = try SmallFile.read(
                name, in: directory, limit: LaunchFile.largestSize + 1)
        else { return nil }
        guard let file = LaunchFile(decoding: bytes) else {
            throw SystemError(call: "read", subject: name, errno: EBADMSG)
        }
        return file
    }

    func survivors() throws(SystemError) -> [Int32] {
        let text = try read("survivors") { RecordText($0, kind: "survivors") }
        return text?.all("pid").compactMap { Int32($0) } ?? []
    }

    /// Looks at the latest record first, and asks for the lock only after a record says that init
    /// has lived: a task moves on while it is looked at, and must not seem to have vanished for
    /// it.
    func phase() throws(SystemError) -> TaskObservation.Phase {
        if let last = try last() { return last }
        if has(InitProcess.name) {
            if !(try isHeld(TaskDirectory.initLock)) { return try last() ?? .vanishing }
            guard let process = try ready() else { return .launching }
            if let running = try running() { return .running(process, since: running.start) }
            return .atBarrier(process)
        }
        return has(LaunchFile.name) ? .launching : .notLaunched
    }

    private func last() throws(SystemError) -> TaskObservation.Phase? {
        if let record = try ended() { return .ended(record) }
        if let record = try exit() { return .ending(record) }
        return nil
    }
}
