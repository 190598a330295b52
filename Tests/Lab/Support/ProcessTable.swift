internal import Glibc

/// What `/proc` says of the processes on this machine. A process that ends while we look has no
/// files any more, and counts as ended.
package enum ProcessTable {
    /// A process, told by its start time from a later one with the same pid.
    package struct Entry: Sendable, Hashable {
        package var pid: Int32
        package var parent: Int32
        /// Clock ticks from boot to its start.
        package var startTime: UInt64
    }

    /// The living processes; zombies are none.
    package static var all: [Entry] { pids.compactMap(entry) }

    /// The entry of a pid, `nil` for a zombie or where there is none.
    package static func entry(_ pid: Int32) -> Entry? {
        let text = contents("/proc/\(pid)/stat")
        // The name stands in parentheses and may hold anything, parentheses too.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[end...].dropFirst(2).split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let parent = Int32(fields[1]),
            let start = UInt64(fields[19])
        else { return nil }
        return Entry(pid: pid, parent: parent, startTime: start)
    }

    /// Whether a process lives; a zombie does not.
    package static func isAlive(_ pid: Int32) -> Bool { entry(pid) != nil }

    /// The words of a process's command line.
    package static func command(_ pid: Int32) -> [String] {
        contents("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init)
    }

    /// The living children of a process, their children, and so on.
    package static func descendants(of pid: Int32) -> [Entry] {
        let children = Dictionary(grouping: all, by: \.parent)
        var found: [Entry] = []
        var open = [pid]
        while let next = open.popLast() {
            let entries = children[next] ?? []
            found += entries
            open += entries.map(\.pid)
        }
        return found
    }

    /// The living processes that have a user ID, be it the real, the effective or the saved one.
    package static func processes(ofUser uid: UInt32) -> [Entry] {
        all.filter { entry in
            let lines = contents("/proc/\(entry.pid)/status").split(separator: "\n")
            guard let line = lines.first(where: { $0.hasPrefix("Uid:") }) else { return false }
            return line.dropFirst(4).split(whereSeparator: \.isWhitespace).contains("\(uid)")
        }
    }

    /// Sends a signal to a process if it is still the one that was seen.
    package static func signal(_ entry: Entry, _ number: Int32) {
        guard self.entry(entry.pid)?.startTime == entry.startTime else { return }
        kill(entry.pid, number)
    }

    /// Kills what `find` finds until it finds nothing; blocks its thread.
    ///
    /// - Throws: ``LabError`` if something is left after ten seconds.
    static func killAll(_ find: () throws -> [Entry]) throws {
        let isEmpty = try blockingUntil(within: .seconds(10)) {
            let left = try find()
            for entry in left { signal(entry, SIGKILL) }
            return left.isEmpty
        }
        guard isEmpty else { throw LabError("processes \(try find().map(\.pid)) cannot be ended") }
    }

    private static var pids: [Int32] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var pids: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let pid = Int32(name) { pids.append(pid) }
        }
        return pids
    }

    private static func contents(_ path: String) -> String {
        // Without the file there is no such process.
        (try? Files.text(path)) ?? ""
    }
}
