internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// The client of the container engine of this machine, run and waited for. Blocks.
struct EngineCall {
    let name: String

    /// The engine whose images are shipped: podman, since it writes an image as files that are
    /// named by their digests.
    ///
    /// - Throws: ``ShuntError`` where it is not installed.
    static func podman(for image: String) throws(ShuntError) -> EngineCall {
        if isInstalled("podman") { return EngineCall(name: "podman") }
        guard isInstalled("docker") else {
            throw ShuntError(
                .usage, "`local:\(image)` is an image of podman's, which is not installed here",
                hint: "apt-get install podman")
        }
        let quoted = Quoting.forShell(image)
        throw ShuntError(
            .usage,
            "`local:\(image)` is an image of podman's, which is not installed here; one of "
                + "docker's is sent as an archive",
            hint: "docker save -o image.tar \(quoted) && "
                + "shunt run --image docker-archive:image.tar -- true")
    }

    private static func isInstalled(_ name: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").contains { access($0 + "/" + name, X_OK) == 0 }
    }

    /// - Parameter output: a file that gets both streams.
    /// - Returns: what it wrote, where it ended well.
    /// - Throws: ``ShuntError`` with the engine's words.
    func run(_ arguments: [String], output: String, hint: String) throws -> String {
        let pid = try spawn([name, "--log-level=error"] + arguments, output: output)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        // What it said is only for people.
        let bytes = (try? SmallFile.read(RawPath(output), limit: 1 << 20)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        guard status == 0 else {
            let words = Quoting.visible(
                text.split(separator: "\n").suffix(10).joined(separator: "; "))
            throw ShuntError(
                .failed, "`\(name) \(arguments[0])` failed: \(words)", hint: hint)
        }
        return text
    }

    private func spawn(_ words: [String], output: String) throws(ShuntError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        vector.append(nil)
        defer { for pointer in vector { free(pointer) } }
        var pid = pid_t()
        let code = posix_spawnp(&pid, words[0], &actions, nil, vector, Glibc.environ)
        guard code == 0 else {
            throw ShuntError(
                .failed, "`\(words[0])` cannot be run: \(String(cString: strerror(code)))",
                hint: "\(words[0]) info")
        }
        return pid
    }
}
