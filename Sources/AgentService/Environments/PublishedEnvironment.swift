internal import CLinux
internal import Glibc
internal import JobModel

/// An environment under the name of what it is built from. Blocks.
struct PublishedEnvironment: Sendable {
    /// Of all environments, see ``PythonEnvironments``.
    let directory: String
    let key: String

    /// The link to the build.
    var link: String { directory + "/" + key }

    enum State: Hashable, Sendable {
        case missing
        /// `path`: of the build itself, which stays what it is when another one is published.
        case intact(path: String)
        /// Somebody has changed `file` in it.
        case changed(path: String, file: String)
    }

    /// What follows a build's name in the name of the link of one that was changed.
    static let changedSuffix = ".changed"

    func look() -> State {
        guard let path = Self.target(of: link), Self.isEnvironment(path) else { return .missing }
        if let file = EnvironmentSeal(root: path).firstChange() {
            return .changed(path: path, file: file)
        }
        return .intact(path: path)
    }

    /// One of conda's need not have a Python.
    private static func isEnvironment(_ path: String) -> Bool {
        access(path + "/bin/python", X_OK) == 0 || PreparedEnvironment.isOfConda(path)
    }

    /// Takes the name away from a build that was changed. The build stays for the jobs that run in
    /// it, under a link that tells of it; see ``AbandonedBuilds``.
    func setAside(_ path: String) throws {
        let name = path[(path.lastIndex(of: "/") ?? path.startIndex)...].dropFirst()
        let aside = directory + "/" + name + Self.changedSuffix
        guard rename(link, aside) == 0 else {
            throw ShuntError(
                .failed,
                "cannot set aside `\(link)`, which a job has changed: "
                    + String(cString: strerror(errno)),
                hint: "ls -ld \(directory)")
        }
    }

    static func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink(link, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
