internal import CLinux
internal import Glibc
internal import JobModel

/// Finds an environment that somebody else put on this worker. Blocks.
struct ExistingEnvironment {
    /// The path of a virtual or conda environment, the name of a conda environment, or a line that
    /// begins with `module`.
    let name: String
    /// A file that is made for what a shell answers, and removed.
    let output: String

    /// Where conda and its kin keep environments, below the home or not.
    private static let places = [
        "miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".conda",
        "/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3",
    ]

    func find() throws -> PreparedEnvironment {
        if name.hasPrefix("module ") { return try afterModuleLine() }
        let home = getenv("HOME").map { String(cString: $0) } ?? "/"
        if name.contains("/") {
            let path = name.hasPrefix("~/") ? home + name.dropFirst() : name
            guard path.hasPrefix("/") else {
                throw ShuntError(
                    .usage, "the path of an existing environment is absolute: `\(name)`",
                    hint: "shunt run --help")
            }
            guard let found = environment(at: path) else {
                throw ShuntError(
                    .notFound,
                    "there is no environment `\(name)` on this worker: no "
                        + "`\(path)/bin/python` that can be run",
                    hint: "ls -l \(path)/bin")
            }
            return found
        }
        for path in candidates(home: home) {
            if let found = environment(at: path) { return found }
        }
        throw ShuntError(
            .notFound, "there is no conda environment `\(name)` on this worker",
            hint: "conda env list")
    }

    private func environment(at path: String) -> PreparedEnvironment? {
        guard access(path + "/bin/python", X_OK) == 0 else { return nil }
        return PreparedEnvironment(at: path)
    }

    /// Where an environment of that name would be: conda writes down those it has made anywhere.
    private func candidates(home: String) -> [String] {
        let listed = (SmallFile.text(home + "/.conda/environments.txt") ?? "")
            .split(separator: "\n").map(String.init)
            .filter { $0.split(separator: "/").last.map(String.init) == name }
        let places = Self.places.map { $0.hasPrefix("/") ? $0 : home + "/" + $0 }
        return listed + places.map { $0 + "/envs/" + name }
    }

    private static let mark = "SHUNT-VARIABLES"
    /// They belong to the shell that was asked.
    private static let ofTheShell: Set<String> = ["PWD", "OLDPWD", "SHLVL", "_"]

    /// What a login shell has after the line: `module` is a function of it, as a rule.
    private func afterModuleLine() throws -> PreparedEnvironment {
        defer { unlink(output) }
        let script = "\(name) && printf '\\0\(Self.mark)\\0' && env -0"
        let ending = try HelperProcess(
            arguments: ["bash", "-l", "-c", script], environment: EnvironmentBuilder.variables(),
            workingDirectory: "/", outputPath: output
        ).run(within: .seconds(60), abort: AbortFlag())
        let text = SmallFile.text(output) ?? ""
        let parts = text.split(separator: "\0").map(String.init)
        guard ending == .exited(0), let mark = parts.firstIndex(of: Self.mark) else {
            throw ShuntError(
                .notFound, "`\(name)` does not work on this worker: \(text.trimmedLine)",
                hint: "bash -l -c 'module avail'")
        }
        let variables = parts[(mark + 1)...].compactMap {
            text -> PreparedEnvironment.Variable? in
            guard let equals = text.firstIndex(of: "=") else { return nil }
            let name = String(text[..<equals])
            // Functions of bash have names that nothing else could hold.
            guard !Self.ofTheShell.contains(name), !name.hasPrefix("BASH_FUNC_") else { return nil }
            return PreparedEnvironment.Variable(
                name: name, value: String(text[text.index(after: equals)...]))
        }
        return PreparedEnvironment(variables: variables)
    }
}
