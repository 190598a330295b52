internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// What of this installation goes to workers: the agent and init for each architecture, which
/// `make` and `make install` put under `../libexec/shunt`.
struct InstalledAgent: Sendable {
    /// As `uname -m` says.
    let architecture: String
    private let directory = Self.directory

    /// For the machine that this process runs on.
    static var local: InstalledAgent {
        var name = utsname()
        uname(&name)
        let architecture = withUnsafeBytes(of: name.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return InstalledAgent(architecture: architecture)
    }

    /// The agents of this installation, by architecture.
    static func digests() throws -> [String: Digest] {
        var digests: [String: Digest] = [:]
        for architecture in ["x86_64", "aarch64"] {
            let path = InstalledAgent(architecture: architecture).agent
            // One that is not here is told of when it is needed.
            guard access(path, R_OK) == 0 else { continue }
            digests[architecture] = ContentHasher.digest(
                of: try SmallFile.read(RawPath(path), limit: largest))
        }
        return digests
    }

    init(architecture: String) {
        self.architecture = architecture
    }

    /// `libexec/shunt` beside the directory of this executable.
    private static var directory: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let executable = String(
            decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return executable.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast(2).joined(separator: "/") + "/libexec/shunt"
    }

    /// Absolute.
    var agent: String { directory + "/shunt-agent-linux-" + architecture }
    /// Of this machine's architecture there is one name: the local agent looks for it there.
    var initProgram: String {
        architecture == Self.local.architecture
            ? directory + "/shunt-init" : directory + "/shunt-init-linux-" + architecture
    }

    /// - Throws: `notFound` with the way to build what is missing.
    func requirePresent() throws(ShuntError) {
        for path in [agent, initProgram] where access(path, X_OK) != 0 {
            let here = InstalledAgent.local.architecture
            throw ShuntError(
                .notFound,
                architecture == here
                    ? "`\(path)` is missing"
                    : "this installation has no agent for \(architecture): it is built on such a "
                        + "machine, and `\(path)` is where it belongs",
                hint: "make agent-release init")
        }
    }

    /// Whether a file was made from another one as that is now.
    private static func isCurrent(_ made: String, for source: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard stat(made, &first) == 0, stat(source, &second) == 0 else { return false }
        let (after, before) = (first.st_mtim, second.st_mtim)
        return (after.tv_sec, after.tv_nsec) >= (before.tv_sec, before.tv_nsec)
    }

    private static let largest = 256 << 20

    /// A program as it goes over the wire.
    struct Parcel: Sendable {
        var bytes: [UInt8]
        /// Of the program itself.
        var digest: Digest
        var isCompressed: Bool
    }

    /// - Parameter compressed: the worker has gzip.
    func parcel(_ path: String, compressed: Bool) throws -> Parcel {
        let program = try SmallFile.read(RawPath(path), limit: Self.largest)
        let digest = ContentHasher.digest(of: program)
        // Made with the program; one that is missing, or of an earlier program, costs time on a
        // slow link and nothing else.
        if compressed, Self.isCurrent(path + ".gz", for: path) {
            return Parcel(
                bytes: try SmallFile.read(RawPath(path + ".gz"), limit: Self.largest),
                digest: digest, isCompressed: true)
        }
        return Parcel(bytes: program, digest: digest, isCompressed: false)
    }
}
