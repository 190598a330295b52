internal import CLinux
internal import Glibc
internal import JobModel

/// Ends the tree of an init that was killed or does not do it: the cgroup where there was one, else
/// what descends from init, what has become a child of this process (a subreaper), or bears the
/// task's token in its environment. The last is best effort: a process may have changed its
/// environment, and this process may have been started after the orphans went to PID 1.
struct OrphanSweep {
    var token: String
    var cgroup: String?
    /// Those by which limits were enforced: to be removed, and no way to find anything.
    var limitCgroups: [String] = []
    /// An init that lives: what descends from it is ended, and it stays to tell of it.
    var witness: TaskProcess?
    /// Whether the children of this process are orphans: not so in an agent, whose children are the
    /// supervisors of other tasks.
    var takesChildren = true

    private struct Process: Hashable {
        var pid: pid_t
        var parent: pid_t
        var start: UInt64
        /// A letter, as in proc(5).
        var state: String

        var isDead: Bool { state == "Z" || state == "X" }
        var isStopped: Bool { state == "T" }
    }

    /// Stops all that can be found until nothing new appears, then kills it.
    ///
    /// - Returns: how many live processes were found.
    func round() -> Int {
        var found: [Process] = []
        if let cgroup { killCgroup(cgroup) }
        for _ in 0..<64 {
            // Its state changes under our hands; pid and start name a process.
            let new = orphans().filter { one in
                !found.contains { $0.pid == one.pid && $0.start == one.start }
            }
            if new.isEmpty { break }
            for process in new { signal(process, SIGSTOP) }
            found += new
        }
        for process in found { signal(process, SIGKILL) }
        return found.count + (isPopulated ? 1 : 0)
    }

    private var isPopulated: Bool {
        // A cgroup that cannot be read is gone, and so are its members.
        guard let cgroup,
            let bytes = try? SmallFile.read(cgroup + "/cgroup.events", limit: 4096)
        else { return false }
        return String(decoding: bytes, as: UTF8.self).contains("populated 1")
    }

    private func killCgroup(_ path: String) {
        // A cgroup that is gone has no members; before Linux 5.14 there is no such file.
        if let directory = try? OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY),
            let file = try? directory.open("cgroup.kill", O_WRONLY),
            (try? SmallFile.overwrite([UInt8(ascii: "1")], at: 0, in: file, "cgroup.kill")) != nil
        {
            return
        }
        for group in Self.withChildren(path) {
            // One that went away meanwhile has no members.
            let members = (try? SmallFile.read(group + "/cgroup.procs", limit: 1 << 20)) ?? []
            for line in members.split(separator: UInt8(ascii: "\n")) {
                if let pid = pid_t(String(decoding: line, as: UTF8.self)), pid > 0 {
                    Glibc.kill(pid, SIGKILL)
                }
            }
        }
    }

    /// Kills an init, if the process is still the one that was meant.
    func kill(_ process: TaskProcess) {
        if let seen = Self.initProcess(process) { signal(seen, SIGKILL) }
    }

    /// Lets an init go on that somebody has stopped.
    ///
    /// - Returns: whether it was stopped.
    @discardableResult
    func resume(_ process: TaskProcess) -> Bool {
        guard let seen = Self.initProcess(process), seen.isStopped else { return false }
        signal(seen, SIGCONT)
        return true
    }

    /// Pid and start may come again after a boot, hence the name.
    private static func initProcess(_ process: TaskProcess) -> Process? {
        guard let seen = read(process.pid), seen.start == process.startTicks,
            SmallFile.text("/proc/\(process.pid)/comm") == "shunt-init\n"
        else { return nil }
        return seen
    }

    /// What lives of the tree now.
    func living() -> [Int32] { orphans().map(\.pid) }

    /// Removes the cgroups, with those that the job made in them.
    func removeCgroups() {
        for path in limitCgroups + [cgroup].compactMap(\.self) {
            for group in Self.withChildren(path) { rmdir(group) }
        }
    }

    /// A cgroup and all below it, the deepest first.
    private static func withChildren(_ path: String, depth: Int = 0) -> [String] {
        guard depth < 16 else { return [path] }
        let below = ProcessTable.names(in: path, ofType: UInt8(DT_DIR)).flatMap {
            withChildren(path + "/" + $0, depth: depth + 1)
        }
        return below + [path]
    }

    private func orphans() -> [Process] {
        let all = ProcessTable.names(in: "/proc", ofType: UInt8(DT_DIR)).compactMap { name in
            pid_t(name).flatMap(Self.read)
        }
        var ours: Set<pid_t> = takesChildren ? [getpid()] : []
        let spared = witness.flatMap(Self.initProcess)?.pid
        if let spared { ours.insert(spared) }
        if !token.isEmpty {
            for process in all where process.pid != getpid() && hasToken(process.pid) {
                ours.insert(process.pid)
            }
        }
        var count = 0
        while count != ours.count {
            count = ours.count
            for process in all where ours.contains(process.parent) { ours.insert(process.pid) }
        }
        ours.remove(getpid())
        if let spared { ours.remove(spared) }
        return all.filter { ours.contains($0.pid) && !$0.isDead }
    }

    private func hasToken(_ pid: pid_t) -> Bool {
        // A process that has ended, or is another account's, is none of ours.
        guard let environment = try? SmallFile.read("/proc/\(pid)/environ", limit: 4 << 20) else {
            return false
        }
        let mark = Array("\(LaunchPlan.tokenVariable)=\(token)".utf8)
        return environment.split(separator: 0).contains { $0.elementsEqual(mark) }
    }

    private static func read(_ pid: pid_t) -> Process? {
        // It has ended since it was listed.
        guard let bytes = try? SmallFile.read("/proc/\(pid)/stat", limit: 1024),
            // The name stands in parentheses and may hold any byte, parentheses included.
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
        func field(_ number: Int) -> String? {
            fields.indices.contains(number - 3)
                ? String(decoding: fields[number - 3], as: UTF8.self) : nil
        }
        guard let state = field(3), let parent = field(4).flatMap({ pid_t($0) }),
            let start = field(22).flatMap({ UInt64($0) })
        else { return nil }
        return Process(pid: pid, parent: parent, start: start, state: state)
    }

    /// Signals the process that was seen, not another one that got its pid since: pinned by a
    /// pidfd where there are such (Linux 5.3), and looked at again.
    private func signal(_ seen: Process, _ number: Int32) {
        let pidfd = shunt_pidfd_open(seen.pid)
        defer { if pidfd >= 0 { close(pidfd) } }
        guard Self.read(seen.pid)?.start == seen.start else { return }
        if pidfd >= 0 {
            _ = shunt_pidfd_send_signal(pidfd, number)
        } else {
            Glibc.kill(seen.pid, number)
        }
    }
}

/// Names in a directory of the kernel.
private enum ProcessTable {
    static func names(in path: String, ofType type: UInt8) -> [String] {
        guard let listing = opendir(path) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            guard entry.pointee.d_type == type, entry.pointee.d_name.0 != 46 else { continue }
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }
}
