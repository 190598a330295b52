internal import Glibc
internal import JobModel

// Commands to init, and what is done where it does not obey: a job has the rights of its account,
// and can stop its own init or write into the FIFO that init reads.
extension SupervisorRun {
    mutating func tell(_ command: InitCommand) throws(SystemError) {
        do throws(SystemError) {
            // With nobody there to hear it, the next look finds that init is gone.
            _ = try command.send(in: records.directory)
        } catch {
            // Full: somebody else has written into it. What has to end is ended by hand.
            if error.errno != EAGAIN { throw error }
        }
        wakeInit()
    }

    /// Lets a stopped init go on.
    func wakeInit() {
        if let process = initProcess { OrphanSweep(token: "", cgroup: nil).resume(process.process) }
    }

    private var initProcess: InitProcess? {
        // A record that is damaged names nobody.
        (try? records.ready()) ?? nil
    }

    /// Init was told to kill the tree, and something is left. Ends it, while init stays to testify,
    /// and names what does not end.
    mutating func endByHand(at now: Moment) {
        guard let isDue = killing?.isDue(at: now.steady), let process = initProcess else { return }
        if isDue, let schedule = killing {
            let sweep = OrphanSweep(
                token: launch?.plan.token ?? "", cgroup: process.cgroup, witness: process.process,
                takesChildren: launch?.plan.engine == nil)
            // Asked before: what a cgroup's end has taken is not found any more.
            if exit == nil, !sweep.living().isEmpty { endedByHand = true }
            let found = sweep.round()
            let isStopped = sweep.resume(process.process)
            if schedule.namesSurvivors(at: now.steady) {
                let living = sweep.living() + (isStopped ? [process.process.pid] : [])
                nameSurvivors(living)
            }
            // It cannot be a witness, and nothing is left of which it could be one.
            if isStopped, found == 0, schedule.givesInitUp(at: now.steady) {
                sweep.kill(process.process)
            }
        }
        if let next = killing?.next { nextLook = nextLook.map { min($0, next) } ?? next }
    }

    /// As init does it, unless it has.
    private func nameSurvivors(_ living: [Int32]) {
        guard !living.isEmpty, !records.has("survivors") else { return }
        var text = RecordText()
        for pid in living.prefix(16) { text.add("pid", pid) }
        // On a full disk nobody is told before there is space.
        try? SmallFile.write(
            text.encoded(kind: "survivors"), to: "survivors", in: records.directory,
            durable: false)
    }

    /// All of the output is read and the last record durable: an init that does not hear that it
    /// may go is killed.
    mutating func killDeafInit(at now: Moment) {
        let since = dismissedAt ?? now.steady
        dismissedAt = since
        guard now.steady - since >= Self.dismissalPatience, let process = initProcess else {
            return
        }
        OrphanSweep(token: "", cgroup: nil).kill(process.process)
    }

    private static let dismissalPatience = Milliseconds.seconds(5)
}
