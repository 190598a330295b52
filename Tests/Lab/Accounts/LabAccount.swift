internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// The account as which a worker of the lab is reached.
///
/// As root it is one of its own, `shunt-lab-1` and so on, with a home in a scratch directory; it is
/// removed at the end with its home and its processes. A lock keeps two runs of tests apart, and
/// what a killed run left behind is ended before its account is used again.
///
/// Without root it is the present account with its own home, since sshd always takes the home of
/// the password file; then nothing is removed at the end, and what a test puts there it removes
/// itself.
package final class LabAccount: Sendable {
    /// Name, user ID, home and shell.
    package let entry: Account
    /// Whether it was made by the lab, and goes with it.
    package let isOwn: Bool
    /// Where the home and files of servers are; goes with the account.
    package let scratch: Scratch
    private let lock: Mutex<AccountLock?>

    package var name: String { entry.name }
    package var home: String { entry.home }

    /// A shell that an account may have.
    package static let defaultShell = "/bin/sh"

    /// Makes an account, or takes the present one; blocks its thread.
    ///
    /// - Parameter shell: a path; without root the present account keeps its own.
    /// - Throws: ``LabError``, where the shell does not exist too.
    package init(shell: String = LabAccount.defaultShell) throws {
        scratch = try Scratch()
        do {
            guard geteuid() == 0 else {
                entry = Account.present
                isOwn = false
                lock = Mutex(nil)
                return
            }
            guard access(shell, X_OK) == 0 else { throw LabError("there is no shell \(shell)") }
            let taken = try AccountLock.takeFree()
            try AccountFile.clear(taken)
            entry = try AccountFile.add(
                taken.name, home: scratch.path + "/home", shell: shell)
            isOwn = true
            lock = Mutex(taken)
        } catch {
            // Why there is no account matters, not what is left in /tmp.
            try? scratch.remove()
            throw error
        }
    }

    deinit {
        // Who wants to know calls it before.
        try? remove()
    }

    /// The living processes of an account of the lab's own; of the present account none, since
    /// those are not the lab's.
    package var processes: [ProcessTable.Entry] {
        isOwn ? ProcessTable.processes(ofUser: entry.uid) : []
    }

    /// Ends every process of an account of the lab's own; blocks its thread.
    ///
    /// - Throws: ``LabError`` if one does not end.
    package func endProcesses() throws {
        if isOwn { try ProcessTable.killAll { processes } }
    }

    /// Notes a process of another account, a server's, that the next run has to end if this one is
    /// killed.
    ///
    /// - Throws: ``LabError``.
    package func leaveNote(ofProcess pid: Int32) throws {
        try lock.withLock { try $0?.note(pid) }
    }

    /// Removes account, processes, home and scratch directory; blocks its thread. May be called
    /// again.
    ///
    /// - Throws: ``LabError`` with what stayed.
    package func remove() throws {
        guard let taken = lock.withLock({ $0.take() }) else {
            if !isOwn { try scratch.remove() }
            return
        }
        try endProcesses()
        try AccountFile.remove(taken.name)
        try scratch.remove()
        try taken.release()
    }

    /// Runs a line of shell as the account, on this machine and without SSH.
    ///
    /// - Throws: ``LabError`` where it cannot start.
    package func shell(_ line: String, within limit: Duration = .seconds(60)) async throws
        -> Outcome
    {
        var words = ["/bin/sh", "-c", line]
        if isOwn {
            words =
                [
                    "setpriv", "--reuid=\(entry.uid)", "--regid=\(entry.gid)", "--clear-groups",
                ] + words
        }
        let variables = ["HOME": home, "USER": name, "LOGNAME": name]
        return try await Command(
            words, directory: home,
            environment: Command.plainEnvironment.merging(variables) { $1 }
        ).outcome(within: limit)
    }
}
