internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// Builds of environments whose agent was killed: a directory that nothing links to, and as a rule
/// an installer that goes on writing into it. Blocks.
struct AbandonedBuilds: Sendable {
    /// Of the environments, see ``PythonEnvironments``.
    let directory: String

    /// Every process of a build has it in its environment, with the path of the build.
    static let variable = "SHUNT_ENVIRONMENT_BUILD"

    private var builds: String { directory + "/builds" }

    func remove() throws {
        let published = Set(
            names(in: directory).compactMap { target(of: directory + "/" + $0) })
        for name in names(in: builds) {
            let path = builds + "/" + name
            if name.hasSuffix(".log") || published.contains(path) { continue }
            endProcesses(of: path)
            // The link of a publication that was cut short has no tree.
            if unlink(path) != 0 { try removeTree(at: RawPath(path)) }
        }
    }

    /// Kills the installer's session; what it starts meanwhile is found in the next round.
    private func endProcesses(of build: String) {
        let mark = Array("\(Self.variable)=\(build)".utf8)
        for _ in 0..<8 {
            let found = names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
                // A process that has ended meanwhile, or is another account's, is not of the build.
                let bytes = try? SmallFile.read("/proc/\(pid)/environ", limit: 1 << 20)
                return bytes?.split(separator: 0).contains { $0.elementsEqual(mark) } == true
            }
            if found.isEmpty { return }
            for pid in found { kill(pid, SIGKILL) }
            usleep(10_000)
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

    private func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink(link, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
