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

    /// An image of many gigabytes is written in less.
    private static let limitSeconds = 3600

    /// - Returns: what it wrote, where it ended well.
    /// - Throws: ``ShuntError`` with the engine's words.
    func run(_ arguments: [String], hint: String) throws -> String {
        let answer = try ToolProcess(
            arguments: [name, "--log-level=error"] + arguments, limitSeconds: Self.limitSeconds
        ).run()
        guard answer.code == 0 else {
            let lines = answer.errors.split(separator: "\n").suffix(10)
            throw ShuntError(
                .failed,
                "`\(name) \(arguments[0])` failed: "
                    + Quoting.visible(lines.joined(separator: "; ")), hint: hint)
        }
        return String(decoding: answer.output, as: UTF8.self)
    }
}
