internal import AgentService
internal import CLinux
internal import Foundation
internal import Glibc
internal import JobModel
internal import Testing

/// One task in a directory of its own, driven through the built `shunt-agent` and `shunt-init` as
/// the agent drives them. Whatever is left of it is killed when the test ends.
final class TaskHarness {
    let root: String
    let task: TaskDirectory
    var plan: LaunchPlan
    /// Pids of supervisors that this test has to reap.
    private var supervisors: [pid_t] = []

    /// - Parameter root: `nil` for a new temporary directory.
    init(
        _ command: LaunchPlan.Command, kill: LaunchPlan.KillPolicy = .automatic,
        root: String? = nil
    ) throws {
        self.root = try root ?? TemporaryDirectory.make()
        task = TaskDirectory(self.root + "/task")
        let name = "test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        plan = LaunchPlan(
            token: "token/" + name, name: name, command: command,
            environment: [Array("PATH=/usr/local/bin:/usr/bin:/bin".utf8)],
            workingDirectory: Array(self.root.utf8), initExecutable: Binaries.initProgram)
        plan.killPolicy = kill
    }

    convenience init(
        shell line: String, kill: LaunchPlan.KillPolicy = .automatic, root: String? = nil
    ) throws {
        try self.init(.shell(Array(line.utf8)), kill: kill, root: root)
    }

    deinit {
        for pid in supervisors {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
        for pid in Processes.all where Processes.has(plan.token, pid) { kill(pid, SIGKILL) }
        for pid in Processes.all where Processes.arguments(pid).contains(task.path) {
            kill(pid, SIGKILL)
        }
        TemporaryDirectory.remove(root)
    }

    @discardableResult
    func startSupervisor() throws -> pid_t {
        let pid = try task.spawnSupervisor(executable: Binaries.agent)
        supervisors.append(pid)
        return pid
    }

    /// Kills a supervisor and waits until its lock is free.
    func killSupervisor(_ pid: pid_t) throws {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        supervisors.removeAll { $0 == pid }
        // A child that it was just starting holds the lock until it has executed.
        try Deadline.wait("the supervisor's lock", in: task.path) {
            try !task.observe().supervisorAlive
        }
    }

    /// The exit status of a supervisor, once it has ended.
    func waitForSupervisor(_ pid: pid_t) throws -> Int32 {
        var status: Int32 = 0
        try Deadline.wait("the supervisor's end", in: root) {
            waitpid(pid, &status, WNOHANG) == pid
        }
        supervisors.removeAll { $0 == pid }
        return status
    }

    func prepareAndSupervise() throws -> pid_t {
        try task.prepare(plan)
        return try startSupervisor()
    }

    /// Launches, releases at the barrier, and waits for the end.
    func run() throws -> EndedRecord {
        _ = try prepareAndSupervise()
        try release()
        return try end()
    }

    @discardableResult
    func barrier() throws -> InitProcess {
        var found: InitProcess?
        try Deadline.wait("the barrier", in: task.path) {
            if case .atBarrier(let process) = try task.observe().phase { found = process }
            return found != nil
        }
        return try #require(found)
    }

    func release() throws {
        try barrier()
        #expect(try task.release())
    }

    @discardableResult
    func running() throws -> InitProcess {
        var found: InitProcess?
        try Deadline.wait("the command's start", in: task.path) {
            if case .running(let process, _) = try task.observe().phase { found = process }
            return found != nil
        }
        return try #require(found)
    }

    func end() throws -> EndedRecord {
        var record: EndedRecord?
        try Deadline.wait("the end", in: task.path) {
            if case .ended(let found) = try task.observe().phase { record = found }
            return record != nil
        }
        return try #require(record)
    }

    /// Waits for a file below ``root`` that the command makes.
    func waitForFile(_ name: String) throws {
        let path = root + "/" + name
        try Deadline.wait("`\(name)`", in: root) { access(path, F_OK) == 0 }
    }

    /// All that the log holds of a stream.
    func logged(_ stream: LogStream) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try forEachRecord { record in
            if case .output(stream, let part) = record.body { bytes += part }
        }
        return bytes
    }

    func text(_ stream: LogStream) throws -> String {
        String(decoding: try logged(stream), as: UTF8.self)
    }

    func forEachRecord(_ visit: (LogRecord) throws -> Void) throws {
        let reader = LogReader(task.logPath)
        var decoder = LogRecordDecoder()
        var offset: UInt64 = 0
        while true {
            let chunk = try reader.read(from: offset, limit: 1 << 20)
            if chunk.bytes.isEmpty { break }
            offset = chunk.end
            decoder.append(chunk.bytes)
            while let record = try decoder.next() { try visit(record) }
        }
        #expect(decoder.pendingCount == 0)
    }
}

/// The programs that SwiftPM built beside the tests.
enum Binaries {
    static let folder: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        // The test bundle is run by a helper of the toolchain, so its own path is looked up in
        // what is mapped.
        guard let maps = fopen("/proc/self/maps", "r") else { return "" }
        defer { fclose(maps) }
        while fgets(&buffer, Int32(buffer.count), maps) != nil {
            let line = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            guard let slash = line.firstIndex(of: "/") else { continue }
            let path = line[slash...].dropLast(line.hasSuffix("\n") ? 1 : 0)
            if path.hasSuffix(".xctest") { return String(path[..<path.lastIndex(of: "/")!]) }
        }
        return ""
    }()

    static let agent = folder + "/shunt-agent"
    static let initProgram = folder + "/shunt-init"
}

/// Waiting for a fact instead of a time.
enum Deadline {
    struct Passed: Error, CustomStringConvertible {
        var description: String
    }

    /// Looks again whenever something in `directory` changes, and every 20 ms for what no
    /// directory tells of.
    static func wait(
        _ what: String, in directory: String, seconds: Int64 = 30, until isTrue: () throws -> Bool
    ) throws {
        let watch = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        defer { close(watch) }
        inotify_add_watch(watch, directory, UInt32(IN_CREATE | IN_MOVED_TO | IN_DELETE))
        let end = monotonicMilliseconds() + seconds * 1000
        while try !isTrue() {
            if monotonicMilliseconds() > end {
                throw Passed(description: "waited \(seconds) s for \(what)")
            }
            var source = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
            poll(&source, 1, 20)
            var events = [UInt8](repeating: 0, count: 4096)
            _ = read(watch, &events, events.count)
        }
    }

    static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

enum TemporaryDirectory {
    static func make() throws -> String {
        var template = Array("/tmp/shunt-supervision-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        let made: String? = template.withUnsafeMutableBufferPointer { buffer in
            mkdtemp(buffer.baseAddress!).map { String(cString: $0) }
        }
        return try #require(made)
    }

    static func remove(_ path: String) {
        // What is left behind in /tmp does no harm to any test.
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// What `/proc` says of other processes.
enum Processes {
    static var all: [pid_t] {
        guard let listing = opendir("/proc") else { return [] }
        defer { closedir(listing) }
        var pids: [pid_t] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let pid = pid_t(name) { pids.append(pid) }
        }
        return pids
    }

    static func has(_ token: String, _ pid: pid_t) -> Bool {
        strings("/proc/\(pid)/environ").contains("SHUNT_TASK_TOKEN=" + token)
    }

    static func arguments(_ pid: pid_t) -> [String] { strings("/proc/\(pid)/cmdline") }

    /// Alive and no zombie.
    static func isAlive(_ pid: pid_t) -> Bool {
        let text = String(decoding: Files.read("/proc/\(pid)/stat") ?? [], as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return false }
        return !text[end...].hasPrefix(") Z") && !text[end...].hasPrefix(") X")
    }

    private static func strings(_ path: String) -> [String] {
        (Files.read(path) ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}

enum Files {
    static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes += buffer[..<count]
        }
        return bytes
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    }
}
