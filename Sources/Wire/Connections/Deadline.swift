/// Thrown where a peer took longer than its caller was ready to wait.
package struct DeadlineExceeded: Error, Hashable, Sendable, CustomStringConvertible {
    package var waited: Duration

    package init(waited: Duration) { self.waited = waited }

    package var description: String { "no answer within \(waited)" }
}

/// Runs `body` and cancels it when `limit` is over.
///
/// - Throws: ``DeadlineExceeded``, or what `body` throws.
package func withDeadline<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        // Two tasks were added, so there is a first result.
        guard let first = try await group.next(), let result = first else {
            throw DeadlineExceeded(waited: limit)
        }
        return result
    }
}
