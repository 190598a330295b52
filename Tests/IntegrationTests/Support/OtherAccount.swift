import Foundation
import Testing

/// The account `nobody`, which root can become: root itself reads everything, so a file that
/// cannot be read takes another account. Tests that need it are skipped where we are not root.
struct OtherAccount: Sendable {
    static let id: uid_t = 65_534
    static let reason: Comment = "becoming another account takes root"

    let home: ShuntHome

    /// Gives the home of a test to the account.
    init(_ home: ShuntHome) throws {
        self.home = home
        for path in [home.base, home.work] {
            guard chown(path, Self.id, Self.id) == 0 else { throw HarnessError(path, errno) }
        }
    }

    /// Runs a line of shell in the working directory as the account, with `shunt` in `PATH`.
    func shell(_ line: String, within limit: Duration = .seconds(60)) async throws -> Outcome {
        let words = [
            "/usr/bin/setpriv", "--reuid=\(Self.id)", "--regid=\(Self.id)", "--clear-groups",
            "/bin/sh", "-c", line,
        ].map { Array($0.utf8) }
        return try await Command(
            words, directory: home.work, environment: home.environment(["HOME": home.base])
        ).outcome(within: limit)
    }

    /// Removes the socket directory, whose name has the account's number in it.
    func removeSockets() {
        let path = home.runtimeDirectory.replacing(
            "/tmp/shunt-\(geteuid())-", with: "/tmp/shunt-\(Self.id)-")
        // What is not there needs no removal.
        try? FileManager.default.removeItem(atPath: path)
    }
}
