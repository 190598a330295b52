internal import CLinux
internal import Glibc
internal import JobModel

/// Finds what the init of a container is called outside. Init itself cannot know: it is PID 1 of a
/// namespace of its own.
struct ContainerInit {
    /// The task's directory, which is init's only argument.
    var directory: String
    /// When init was started, by the clock that every namespace has in common.
    var startTicks: UInt64

    /// - Returns: `nil` where there is none, or none any more.
    func find() -> Int32? {
        // A listing of the kernel's that cannot be read leaves nothing to look at.
        guard let listing = try? OwnedDescriptor.open("/proc", O_RDONLY | O_DIRECTORY),
            // Likewise.
            let names = try? listing.names()
        else { return nil }
        // It is among the newest, as a rule.
        return names.compactMap { Int32($0) }.sorted(by: >).first(where: isInit)
    }

    private func isInit(_ pid: Int32) -> Bool {
        // One that has ended meanwhile is none.
        let name = try? SmallFile.read("/proc/\(pid)/comm", limit: 32)
        guard name?.elementsEqual("shunt-init\n".utf8) == true,
            ProcessState.arguments(of: pid).last == directory,
            ProcessState.startTicks(of: pid) == startTicks
        else { return false }
        // The last of its numbers is the one in its own namespace.
        let status = SmallFile.text("/proc/\(pid)/status") ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("NSpid:") }
        return line?.split(separator: "\t").last == "1"
    }
}

/// How often the kernel has ended something in a process's memory cgroup for want of memory.
enum MemoryShortage {
    static func kills(inGroupOf pid: Int32) -> Int {
        let groups = SmallFile.text("/proc/\(pid)/cgroup") ?? ""
        return groups.split(separator: "\n").reduce(0) { sum, line in
            let parts = line.split(
                separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return sum }
            if parts[0] == "0" {
                return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].reduce(sum) {
                    $0 + count(in: $1 + parts[2] + "/memory.events")
                }
            }
            guard parts[1].split(separator: ",").contains("memory") else { return sum }
            return sum + count(in: "/sys/fs/cgroup/memory" + parts[2] + "/memory.oom_control")
        }
    }

    /// Both versions have a line `oom_kill N`, version 1 since Linux 4.13.
    private static func count(in path: String) -> Int {
        let line = (SmallFile.text(path) ?? "").split(separator: "\n").first {
            $0.hasPrefix("oom_kill ")
        }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }
}
