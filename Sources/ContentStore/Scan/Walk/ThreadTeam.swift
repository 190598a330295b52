internal import Glibc
internal import JobModel

/// Threads of our own for work that blocks: Swift's pool is too small to be held up by a disk.
enum ThreadTeam {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on the calling thread and on `count - 1` others, and returns when all are done.
    /// Where the system gives fewer threads, fewer take part.
    static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        var threads: [pthread_t] = []
        let work = Work(body)
        for _ in 1..<max(1, count) {
            var thread = pthread_t()
            let retained = Unmanaged.passRetained(work)
            let code = pthread_create(&thread, nil, { argument in
                // The argument is the retained `Work` passed below.
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, retained.toOpaque())
            guard code == 0 else {
                retained.release()
                break
            }
            threads.append(thread)
        }
        body()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// How many threads a walk is worth: reading is bound by the kernel and hashing by the cores.
    static var usualCount: Int { min(8, max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))) }
}
