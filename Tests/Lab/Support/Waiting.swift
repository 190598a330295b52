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
        let begin = ContinuousClock.now
        if try await holds() { return true }
        let end = ContinuousClock.now
        guard end < deadline else { return false }
        // The pause between two looks: a dear one is taken less often, so that what is waited for
        // gets the processor. A cancelled test falls through to its deadline.
        try? await Task.sleep(
            for: min(max(.milliseconds(10), begin.duration(to: end) * 2), .milliseconds(200)))
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
