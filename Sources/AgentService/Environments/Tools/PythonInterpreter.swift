internal import CLinux
internal import Glibc
internal import JobModel

/// A Python, as it says of itself. What is called `python3` may be a program that starts one of
/// several (a shim of pyenv); an environment is built with the one that answers.
struct PythonInterpreter: Hashable, Sendable {
    /// Absolute.
    var executable: String
    /// As in `3.11.2`.
    var version: String
    /// `cpython`, `pypy`; `cpython-t` of one without a global lock.
    var implementation: String
    /// Of the file that it runs from; see ``identity(of:)``.
    var identity: String

    /// Asks it; blocks.
    ///
    /// - Parameters:
    ///   - path: what is started.
    ///   - output: a file that is made for the answer, and removed.
    init(asking path: String, output: String) throws {
        defer { unlink(output) }
        let code =
            "import sys, sysconfig as s; print('.'.join(map(str, sys.version_info[:3]))); "
            + "print(sys.executable); print(sys.implementation.name + "
            + "('-t' if s.get_config_var('Py_GIL_DISABLED') else ''))"
        let ending = try HelperProcess(
            arguments: [path, "-c", code], environment: EnvironmentBuilder.variables(),
            workingDirectory: "/", outputPath: output
        ).run(within: .seconds(30), abort: AbortFlag())
        let text = SmallFile.text(output)?.trimmedLine ?? ""
        let lines = text.split(separator: "\n").map(String.init)
        guard ending == .exited(0), lines.count == 3, lines[0].split(separator: ".").count == 3,
            access(lines[1], X_OK) == 0
        else {
            throw ShuntError(
                .failed, "`\(path)` does not tell its version: \(text)",
                hint: "\(path) --version")
        }
        version = lines[0]
        executable = lines[1]
        implementation = lines[2]
        identity = Self.identity(of: executable)
    }

    /// What tells the file that a path leads to from another one, and from itself after a change.
    static func identity(of path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "" }
        return "\(status.st_dev).\(status.st_ino).\(status.st_mtim.tv_sec)"
    }
}
