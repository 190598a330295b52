internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// Builds of environments whose agent was killed: a directory that nothing links to, and as a rule
/// an installer that goes on writing into it. And those that a job has changed, once no job runs in
/// them any more. Blocks.
struct AbandonedBuilds: Sendable {
    /// Of the environments, see ``PythonEnvironments``.
    let directory: String

    /// Every process of a build has it in its environment, with the path of the build.
    static let variable = "SHUNT_ENVIRONMENT_BUILD"

    private var builds: String { directory + "/builds" }

    func remove() throws {
        forgetChanged()
        let published = Set(
            names(in: directory).compactMap { name in
                PublishedEnvironment.target(of: directory + "/" + name)
            })
        for name in names(in: builds) {
            let path = builds + "/" + name
            if published.contains(path) { continue }
            if name.hasSuffix(".log") {
                removeOldLog(path)
                continue
            }
            endProcesses(of: path)
            // The link of a publication that was cut short has no tree.
            if unlink(path) != 0 { try removeTree(at: RawPath(path)) }
        }
    }

    private func removeOldLog(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mtim.tv_sec < time(nil) - Self.logsKept else {
            return
        }
        unlink(path)
    }

    /// How long the last words of a build that failed can be read, in seconds.
    private static let logsKept = 30 * 24 * 3600

    /// Kills the installer's session; what it starts meanwhile is found in the next round.
    private func endProcesses(of build: String) {
        let mark = Array("\(Self.variable)=\(build)".utf8)
        for _ in 0..<8 {
            let found = processes { $0.elementsEqual(mark) }
            if found.isEmpty { return }
            for pid in found { kill(pid, SIGKILL) }
            usleep(10_000)
        }
    }

    /// Removes the links of builds that were set aside and that no process has in its environment.
    private func forgetChanged() {
        for name in names(in: directory) where name.hasSuffix(PublishedEnvironment.changedSuffix) {
            let link = directory + "/" + name
            guard let path = PublishedEnvironment.target(of: link) else { continue }
            let marks = ["VIRTUAL_ENV=\(path)", "PATH=\(path)/bin:"].map { Array($0.utf8) }
            let isUsed = processes { entry in marks.contains { entry.starts(with: $0) } }
            if isUsed.isEmpty { unlink(link) }
        }
    }

    /// Those with such an entry in their environment.
    private func processes(_ having: (ArraySlice<UInt8>) -> Bool) -> [pid_t] {
        names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
            // A process that has ended meanwhile, or is another account's, has none that counts.
            let bytes = try? SmallFile.read("/proc/\(pid)/environ", limit: 1 << 20)
            return bytes?.split(separator: 0).contains(where: having) == true
        }
    }

    private func names(in path: String) -> [String] {
        // A process that has ended meanwhile has no descriptors to look at.
        guard let directory = try? OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY) else {
            return []
        }
        // Likewise.
        return (try? directory.names()) ?? []
    }
}
