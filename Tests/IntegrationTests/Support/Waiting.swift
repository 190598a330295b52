import Foundation

/// Looks for a fact until it holds or the deadline is past.
///
/// - Returns: whether it held; the caller expects it, so that the test's line is the one that
///   fails.
func eventually(
    within limit: Duration = .seconds(20), _ holds: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await holds() { return true }
        guard ContinuousClock.now < deadline else { return false }
        // A cancelled test falls through to its deadline.
        try? await Task.sleep(for: .milliseconds(10))
    }
}

/// Lets a few tests at a time work with real daemons: a machine with two cores would otherwise
/// start a hundred coordinators at once.
actor Slots {
    static let daemons = Slots(3)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func take() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
