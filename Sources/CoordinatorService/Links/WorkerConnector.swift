internal import ByteStream
internal import JobModel

/// Opens byte streams to one worker's agent. A Unix socket and SSH differ in nothing but this.
protocol WorkerConnector: Sendable {
    /// Opens a stream, starting the agent if it is down.
    ///
    /// - Throws: ``ShuntError`` saying why the worker cannot be reached.
    func connect() async throws -> any ByteStream
}
