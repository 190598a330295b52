internal import JobModel

/// Another coordinator holds the lock of the home.
struct CoordinatorAlreadyRuns: Error {}

/// Where the command line meets the coordinator's service.
enum CoordinatorServer {
    /// Serves a home until it is told to stop.
    ///
    /// - Parameter isReady: called once the socket is bound.
    /// - Throws: ``CoordinatorAlreadyRuns``, or ``ShuntError`` for what keeps it from serving.
    static func serve(home: HomeLayout, isReady: @escaping @Sendable () -> Void) async throws {
        throw ShuntError(
            .failed, "this build has no coordinator", hint: "make release")
    }
}
