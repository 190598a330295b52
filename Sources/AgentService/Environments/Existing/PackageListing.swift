internal import CLinux
internal import Glibc
internal import JobModel

/// What an environment that was there before holds: its packages with their versions, or the
/// modules that are loaded. Blocks.
struct PackageListing {
    let environment: PreparedEnvironment
    /// A file that is made for the answer, and removed.
    let output: String

    private static let script = """
        import importlib.metadata as m
        for d in m.distributions(): print("%s==%s" % (d.metadata["Name"], d.version))
        """
    /// Of packages; there are environments with more than anybody reads.
    private static let most = 5000
    /// Of one line, in characters.
    private static let longest = 200

    /// - Returns: none where that cannot be found out: the job does not depend on it.
    func lines() -> [String] {
        guard let programs = environment.programs else {
            let loaded = environment.variables.last { $0.name == "LOADEDMODULES" }?.value ?? ""
            return loaded.split(separator: ":").map(String.init)
        }
        defer { unlink(output) }
        // What does not answer has nothing that could be written down.
        let ending = try? HelperProcess(
            arguments: [programs + "/python", "-I", "-c", Self.script],
            environment: EnvironmentBuilder.variables(), workingDirectory: "/", outputPath: output
        ).run(within: .seconds(30), abort: AbortFlag())
        guard ending == .exited(0) else { return [] }
        let lines = (SmallFile.text(output) ?? "").split(separator: "\n").map(String.init)
        let listed = lines.filter { $0.contains("==") && $0.count <= Self.longest }
        return Array(Set(listed).sorted().prefix(Self.most))
    }
}
