internal import CLinux
internal import Glibc
internal import JobModel

/// Looks after one task from its launch to its last record: starts init, moves what the command
/// writes into the log, keeps its time limits, obeys stop requests, and testifies to the end.
///
/// One process per task, detached from the agent; one thread, one `poll`, no allocation per chunk
/// of output. All that it knows is in the task's directory, so that one that is killed at any
/// moment is replaced by another on the same directory: each step looks at what is there and does
/// what is due. It is a subreaper, so that what a killed init leaves behind comes to it.
package enum Supervisor {
    /// The whole of `shunt-agent supervise DIRECTORY`.
    ///
    /// - Returns: the exit status: 0 when the task has ended, 75 where another supervisor holds the
    ///   task, 1 where the directory cannot be used (with a message on standard error).
    package static func main(taskDirectory path: String) -> Int32 {
        // Only the records decide. A hangup, a Ctrl-C for the agent or the TERM of a shutdown must
        // not cost a task its last words, and a full disk is told by errno.
        for number in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2] {
            Glibc.signal(number, SIG_IGN)
        }
        do throws(SystemError) {
            // Where it fails (it does not since Linux 3.4), a killed init's tree is found by token.
            _ = shunt_become_subreaper()
            let task = TaskDirectory(path)
            guard let lock = try takeLock(of: task) else { return 75 }
            lock.writeProcess()
            var run = try SupervisorRun(task)
            try run.untilEnded()
            lock.release()
            return 0
        } catch {
            report("cannot supervise `\(path)`: \(error)")
            return 1
        }
    }

    /// Takes the supervisor's lock. One that was killed while it started init lives on in the lock
    /// until that child has executed, so a lock that is held is asked for again for a second.
    private static func takeLock(of task: TaskDirectory) throws(SystemError) -> FileLock? {
        let directory = try task.open()
        for _ in 0..<100 {
            if let lock = try FileLock.take(TaskDirectory.supervisorLock, in: directory) {
                return lock
            }
            poll(nil, 0, 10)
        }
        return nil
    }

    /// Says something to whoever reads `supervisor.err`.
    static func report(_ message: String) {
        let line = Array("error: \(message)\n".utf8)
        // There is nobody else to tell.
        _ = line.withUnsafeBytes { write(2, $0.baseAddress!, $0.count) }
    }
}
