import Foundation

/// What `/proc` says of the processes of one Shunt home: each of them carries the home's path on
/// its command line or in its environment.
enum ProcessTable {
    struct Entry: Sendable, Hashable {
        var pid: pid_t
        /// The words of the command line.
        var command: [String]
    }

    /// - Returns: the living processes, ours and zombies left out, whose command line or
    ///   environment names `root`.
    static func processes(naming root: String) -> [Entry] {
        let needle = Data(root.utf8)
        let own = getpid()
        // A process that ends while we look has no files any more, and counts as ended.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), pid != own else { return nil }
            let command = contents("/proc/\(pid)/cmdline")
            guard !command.isEmpty else { return nil }
            let named =
                command.range(of: needle) != nil
                || contents("/proc/\(pid)/environ").range(of: needle) != nil
            guard named else { return nil }
            let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return Entry(pid: pid, command: words)
        }
    }

    /// Whether a process lives; a zombie does not.
    static func isAlive(_ pid: pid_t) -> Bool {
        let status = String(decoding: contents("/proc/\(pid)/stat"), as: UTF8.self)
        guard let end = status.lastIndex(of: ")") else { return false }
        return !status[end...].dropFirst(2).hasPrefix("Z")
    }

    /// A file of `/proc`, whose size is not known before it is read.
    private static func contents(_ path: String) -> Data {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return Data() }
        defer { close(descriptor) }
        var result = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return result }
            result.append(contentsOf: buffer[..<count])
        }
    }
}
