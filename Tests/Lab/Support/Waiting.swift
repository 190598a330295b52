internal import Glibc

/// Looks for a fact until it holds or the deadline is past.
///
/// - Returns: whether it held; the caller expects it, so that the test's line is the one that
///   fails.
package func eventually(
    within limit: Duration = .seconds(20), _ holds: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await holds() { return true }
        guard ContinuousClock.now < deadline else { return false }
        // The pause between two looks. A cancelled test falls through to its deadline.
        try? await Task.sleep(for: .milliseconds(10))
    }
}

/// As ``eventually(within:_:)`` for code that is not asynchronous; it blocks its thread.
///
/// - Returns: whether it held before the deadline.
package func blockingUntil(
    within limit: Duration = .seconds(20), _ holds: () throws -> Bool
) rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
        if try holds() { return true }
        guard ContinuousClock.now < deadline else { return false }
        // The pause between two looks.
        usleep(2_000)
    }
}
