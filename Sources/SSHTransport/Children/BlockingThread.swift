internal import ByteStream

/// Runs blocking work on a thread of its own while a task waits.
enum BlockingThread {
    /// - Throws: what `body` throws; `CancellationError`, when `body` is called off.
    static func run<Value: Sendable>(
        name: String, _ body: @escaping @Sendable (StopSign) throws(SSHError) -> Value
    ) async throws -> Value {
        let promise = Promise<Result<Value, SSHError>>()
        let stop: StopSign
        do {
            stop = try StopSign()
            try NativeThread.start(name: name) { [stop] in
                do throws(SSHError) {
                    promise.fulfil(.success(try body(stop)))
                } catch {
                    promise.fulfil(.failure(error))
                }
            }
        } catch {
            throw SSHError.ofSystem(error)
        }
        guard let outcome = await promise.value() else {
            stop.raise()
            throw CancellationError()
        }
        return try outcome.get()
    }
}
