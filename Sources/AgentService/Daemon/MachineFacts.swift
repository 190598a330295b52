internal import CLinux
internal import Glibc
internal import JobModel

/// What an agent finds out about its machine when it starts.
enum MachineFacts {
    static func platform() -> Platform {
        var name = utsname()
        uname(&name)
        return Platform(
            system: text(name.sysname).lowercased(), architecture: text(name.machine),
            kernel: text(name.release), hostName: text(name.nodename))
    }

    /// What tells this machine from others that see the same file system. Machines that were
    /// cloned from one image have one machine ID, so the name counts as well.
    static func machineKey() -> MachineKey {
        let id = SmallFile.text("/etc/machine-id")?.trimmedLine ?? ""
        return MachineKey(machineID: nil, hostName: hostName() + (id.isEmpty ? "" : ":" + id))
    }

    static func hostName() -> String {
        var name = utsname()
        uname(&name)
        return text(name.nodename)
    }

    /// What together says that this is still the machine on which a task was started.
    static func incarnation() -> MachineIncarnation {
        var name = utsname()
        uname(&name)
        var namespace = stat()
        let hasNamespace = stat("/proc/self/ns/pid", &namespace) == 0
        return MachineIncarnation(
            machineID: SmallFile.text("/etc/machine-id")?.trimmedLine ?? "",
            hostName: text(name.nodename),
            bootID: SmallFile.text("/proc/sys/kernel/random/boot_id")?.trimmedLine ?? "",
            initStartTicks: startTicks(ofProcess: 1) ?? 0,
            pidNamespace: hasNamespace ? UInt64(namespace.st_ino) : 0)
    }

    /// The CPUs that this process may use, and the machine's memory or its cgroup's share of it.
    static func capacity() -> Resources {
        var set = cpu_set_t()
        var count = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        if sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 {
            let usable = withUnsafeBytes(of: set) { bytes in
                bytes.reduce(0) { $0 + $1.nonzeroBitCount }
            }
            if usable > 0 { count = Int64(usable) }
        }
        return Resources(milliCPUs: max(1, count) * 1000, memory: memory())
    }

    private static func memory() -> ByteCount {
        var total: Int64 = 0
        for line in (SmallFile.text("/proc/meminfo") ?? "").split(separator: "\n")
        where line.hasPrefix("MemTotal:") {
            let digits = line.filter { $0 >= "0" && $0 <= "9" }
            total = (Int64(digits) ?? 0) << 10
        }
        for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
            if let limit = SmallFile.text(path).flatMap({ Int64($0.trimmedLine) }), limit > 0 {
                total = min(total, limit)
            }
        }
        return ByteCount(max(0, total))
    }

    /// Field 22 of `/proc/PID/stat`; the name in field 2 may hold anything, so what follows its
    /// last parenthesis counts.
    private static func startTicks(ofProcess pid: Int32) -> UInt64? {
        guard let line = SmallFile.text("/proc/\(pid)/stat"),
            let end = line.lastIndex(of: ")")
        else { return nil }
        let fields = line[line.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }

    private static func text(_ field: some Any) -> String {
        withUnsafeBytes(of: field) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
