/// Tasks that prefer the loop, and actors that name it as theirs, run on its thread.
extension UVLoop: SerialExecutor {
    /// Puts a job in line for the loop's thread. Any thread may call it.
    package func enqueue(_ job: consuming ExecutorJob) {
        inbox.append(.job(UnownedJob(job)), isOnLoop: isOnLoop)
    }

    /// Compared by identity: two loops are two executors.
    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    /// Lets `assumeIsolated` succeed in callbacks of libuv, which run outside any task.
    package func checkIsolated() { preconditionOnLoop() }

    /// Whether the caller is on the loop's thread, without a trap.
    package func isIsolatingCurrentContext() -> Bool? { isOnLoop }
}
