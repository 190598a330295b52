internal import Glibc
internal import Synchronization

/// Adds accounts to the password file and removes them; only those that carry the lab's comment.
enum AccountFile {
    /// By which the lab knows its own.
    static let comment = "shunt lab"

    /// The tools lock the file themselves and fail at once where another of them holds it.
    private static let turn = Mutex(())

    /// Adds an account with a group and an empty home of its own.
    ///
    /// The password `*` matches none, and unlike `!` does not make sshd call the account locked.
    static func add(_ name: String, home: String, shell: String) throws -> Account {
        try edit([
            "useradd", "--no-create-home", "--home-dir", home, "--shell", shell, "--user-group",
            "--comment", comment, "--password", "*", name,
        ])
        guard let account = Account.named(name) else {
            throw LabError("useradd made no account \(name)")
        }
        try Files.makeDirectory(home, mode: 0o700)
        try LabError.check("chown \(home)") { chown(home, account.uid, account.gid) }
        return account
    }

    /// Ends what a killed run left of an account, and removes it.
    static func clear(_ lock: AccountLock) throws {
        try ProcessTable.killAll { try lock.noted }
        guard let account = Account.named(lock.name) else { return try lock.release() }
        try ProcessTable.killAll { ProcessTable.processes(ofUser: account.uid) }
        try remove(lock.name)
        if account.home.hasPrefix(Scratch.prefix), account.home.hasSuffix("/home") {
            try Files.removeTree(String(account.home.dropLast("/home".count)))
        }
        try lock.release()
    }

    /// Removes an account that has no processes any more; its group goes with it.
    static func remove(_ name: String) throws {
        guard let account = Account.named(name) else { return }
        precondition(account.comment == comment, "the account \(name) is not the lab's")
        // `userdel` leaves the crontab to the next account of this name. Most have none.
        _ = unlink("/var/spool/cron/crontabs/" + name)
        try edit(["userdel", name])
    }

    /// Runs one of the tools, again for a while if another holds the file.
    private static func edit(_ words: [String]) throws {
        try turn.withLock { _ in
            var outcome = try Command(words).wait()
            // 1: the password file cannot be updated; 10: the group file. Both are locked files.
            _ = try blockingUntil {
                if ![1, 10].contains(outcome.code) { return true }
                outcome = try Command(words).wait()
                return false
            }
            guard outcome.code == 0 else {
                throw LabError("\(words[0]) \(words.last!): \(outcome.errorText)")
            }
        }
    }
}
