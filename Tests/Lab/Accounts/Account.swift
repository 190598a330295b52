internal import Glibc
internal import Synchronization

/// An entry of the password file.
package struct Account: Sendable, Hashable {
    package var name: String
    package var uid: UInt32
    package var gid: UInt32
    package var home: String
    package var shell: String
    /// What is said about it; the lab's own accounts are known by it.
    var comment: String

    /// The C library answers from a buffer of its own.
    private static let turn = Mutex(())

    /// The one that this process runs as.
    package static var present: Account {
        guard let account = turn.withLock({ _ in getpwuid(geteuid()).map { Account($0.pointee) } })
        else {
            preconditionFailure("the account of this process has no entry in the password file")
        }
        return account
    }

    /// Looks one up.
    package static func named(_ name: String) -> Account? {
        turn.withLock { _ in getpwnam(name).map { Account($0.pointee) } }
    }

    private init(_ entry: passwd) {
        name = String(cString: entry.pw_name)
        uid = entry.pw_uid
        gid = entry.pw_gid
        home = String(cString: entry.pw_dir)
        shell = String(cString: entry.pw_shell)
        comment = String(cString: entry.pw_gecos)
    }
}
