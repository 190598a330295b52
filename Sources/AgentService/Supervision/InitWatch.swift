internal import CLinux
internal import Glibc
internal import JobModel

/// Wakes the supervisor when init ends, whoever started it. Only a hint: the lock decides.
struct InitWatch: ~Copyable {
    /// -1, which `poll` skips, where the kernel has no pidfds or there is nothing to watch.
    private(set) var descriptor: Int32 = -1
    private var pid: pid_t = 0
    /// The init that this process started, until it has been reaped.
    private var spawned: pid_t = 0

    init() {}

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Whether init's end has to be looked for, since nothing will tell of it.
    var needsLooking: Bool { descriptor < 0 }

    var hasSpawned: Bool { spawned != 0 }

    mutating func spawned(_ pid: pid_t) {
        spawned = pid
        follow(pid)
    }

    mutating func follow(_ process: InitProcess) {
        if pid != process.process.pid { follow(process.process.pid) }
    }

    private mutating func follow(_ pid: pid_t) {
        forget()
        self.pid = pid
        descriptor = shunt_pidfd_open(pid)
    }

    /// Called for every child that was reaped.
    mutating func reaped(_ pid: pid_t) {
        if pid == self.pid { forget() }
        if pid == spawned { spawned = 0 }
    }

    /// Lets go of one that has ended: its descriptor would stay readable for ever.
    mutating func forget() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
