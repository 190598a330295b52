internal import CLinux
internal import Glibc
internal import JobModel

/// A container engine's client, run and waited for. Every call blocks.
struct EngineCommand: Sendable {
    let engine: ContainerEngine
    /// Absolute.
    let executable: String
    /// Where answers are kept while they are read.
    let directory: String

    /// What of the agent's environment an engine sees: where its own things are, and no more.
    private static let inherited = [
        "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "LANG", "XDG_RUNTIME_DIR", "XDG_DATA_HOME",
        "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS", "CONTAINERS_CONF",
        "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "STORAGE_DRIVER",
        "REGISTRY_AUTH_FILE", "BUILDAH_ISOLATION", "DOCKER_HOST", "DOCKER_CONFIG", "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    ]

    static func environment() -> [String] {
        inherited.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    }

    /// The engines whose clients ``ExecutableSearch`` finds, the preferred one first.
    static func installed() -> [ContainerEngine] {
        ContainerEngine.allCases.filter { ExecutableSearch.find($0.rawValue) != nil }
    }

    /// The engine that jobs are run by.
    ///
    /// - Throws: ``ShuntError`` where there is none.
    static func preferred(directory: String) throws(ShuntError) -> EngineCommand {
        for engine in ContainerEngine.allCases {
            guard let path = ExecutableSearch.find(engine.rawValue) else { continue }
            return EngineCommand(engine: engine, executable: path, directory: directory)
        }
        throw ShuntError(
            .notFound, "no container engine is installed there", hint: "apt-get install podman")
    }

    struct Answer: Sendable {
        var ending: HelperProcess.Ending
        /// Both streams together.
        var text: String

        var isSuccess: Bool { ending == .exited(0) }

        /// The last lines, for people.
        var words: String {
            let lines = text.split(separator: "\n").suffix(Self.shownLines).map(Self.shortened)
            return lines.joined(separator: "\n").trimmedLine
        }

        /// Of a line in which an engine lists its inner state: what it tried, and what came of it.
        private static func shortened(_ line: Substring) -> String {
            let half = shownWidth / 2
            if line.count <= shownWidth { return String(line) }
            return String(line.prefix(half)) + " … " + String(line.suffix(half))
        }

        private static let shownLines = 30
        private static let shownWidth = 400

        /// The ID of an image, which stands alone in a line.
        var imageID: Digest? {
            text.split(separator: "\n").reversed().lazy
                .compactMap { ImageFacts.digest(String($0).trimmedLine) }.first
        }
    }

    /// - Parameters:
    ///   - extra: variables beside those of ``environment()``, which they stand above.
    ///   - watchesRegistry: whether it is given up when a registry says nothing.
    /// - Throws: ``ShuntError`` where the client cannot be run at all.
    func run(
        _ arguments: [String], within limit: Milliseconds, abort: AbortFlag = AbortFlag(),
        extra: [String] = [], watchesRegistry: Bool = false
    ) throws -> Answer {
        var pattern = Array("\(directory)/answer.XXXXXX".utf8CString)
        let file = mkstemp(&pattern)
        guard file >= 0 else {
            throw ShuntError(
                .failed, "cannot write in `\(directory)`: \(String(cString: strerror(errno)))",
                hint: "df -h \(directory)")
        }
        close(file)
        let path = String(
            decoding: pattern.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        let names = extra.map { $0.prefix { $0 != "=" } + "=" }
        let inherited = Self.environment().filter { entry in
            !names.contains { entry.hasPrefix($0) }
        }
        var watch = RegistryWatch(output: path)
        let ending = try HelperProcess(
            arguments: words(arguments), environment: inherited + extra, workingDirectory: "/",
            outputPath: path
        ).run(within: limit, abort: abort) { watchesRegistry && watch.isSilent() }
        if ending == .aborted { throw CancellationError() }
        return Answer(ending: ending, text: SmallFile.text(path) ?? "")
    }

    /// A whole command line, without the warnings that an engine has at hand for every call.
    func words(_ arguments: [String]) -> [String] {
        [executable, "--log-level=error"] + arguments
    }
}
