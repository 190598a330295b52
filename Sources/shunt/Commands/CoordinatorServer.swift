internal import JobModel

/// Where the command line meets the coordinator's service.
enum CoordinatorServer {
    /// Serves a home until it is told to stop.
    ///
    /// - Parameter isReady: called once the socket is bound.
    static func serve(home: HomeLayout, isReady: () -> Void) async throws {
        throw ShuntError(
            .failed, "this build has no coordinator", hint: "make release")
    }
}
