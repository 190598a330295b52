internal import ByteStream
internal import JobModel

/// Opens byte streams to one worker's agent. A Unix socket and SSH differ in nothing but this.
protocol WorkerConnector: Sendable {
    /// Opens a stream, starting the agent if it is down.
    ///
    /// - Throws: ``NeedsLogin``; ``ShuntError`` saying why the worker cannot be reached.
    func connect() async throws -> any ByteStream

    /// Why a stream ended before the agent said a word: what the far end said instead.
    ///
    /// - Parameter error: what the handshake made of it.
    func explain(_ error: any Error, of stream: any ByteStream) async -> any Error

    /// Lets go of what is kept between streams. A later ``connect()`` begins anew.
    func close() async
}

extension WorkerConnector {
    /// Opens a stream and shakes hands on it.
    func connect<Value: Sendable>(
        _ handshake: @Sendable (any ByteStream) async throws -> Value
    ) async throws -> Value {
        let stream = try await connect()
        do {
            return try await handshake(stream)
        } catch {
            let explained = await explain(error, of: stream)
            await stream.close()
            throw explained
        }
    }
}

/// No try can succeed before a person has done something, such as loading a key.
struct NeedsLogin: Error {
    /// What is to be done, and why.
    var error: ShuntError
}
