internal import Synchronization

/// Where the ssh-agent of the person is who gave the last command. A daemon outlives logins, and
/// the socket that it was started with goes with the login it came from.
final class AuthenticationSocket: Sendable {
    private let path: Mutex<String?>

    init(_ path: String?) { self.path = Mutex(path) }

    /// `nil` where no ssh-agent is known.
    var current: String? { path.withLock { $0 } }

    /// - Returns: whether that is another one than before.
    func set(_ new: String) -> Bool {
        path.withLock { path in
            defer { path = new }
            return path != new
        }
    }
}
