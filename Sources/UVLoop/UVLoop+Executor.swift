extension UVLoop: SerialExecutor {
    package func enqueue(_ job: consuming ExecutorJob) {
        inbox.append(.job(UnownedJob(job)), isOnLoop: isOnLoop)
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    /// Lets `assumeIsolated` succeed in callbacks of libuv, which run outside any task.
    package func checkIsolated() { preconditionOnLoop() }

    package func isIsolatingCurrentContext() -> Bool? { isOnLoop }
}
