internal import CLinux
internal import Glibc

/// Looks programs up as their owner would find them: in this process's `PATH`, and then where
/// installers put them that ask for no rights. A shell that nobody logs in to, from which agents
/// are started, has no such places in its `PATH`.
enum ExecutableSearch {
    static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// In the order in which they count.
    static var directories: [String] {
        let path = (variable("PATH") ?? standardPath).split(separator: ":").map(String.init)
        return path + [home + "/.local/bin", home + "/.cargo/bin"].filter { !path.contains($0) }
    }

    /// Where interpreters of Python lie: beside those, each version that pyenv or uv has put into a
    /// directory of its own.
    static var interpreterDirectories: [String] {
        let data = variable("XDG_DATA_HOME") ?? home + "/.local/share"
        let uv = variable("UV_PYTHON_INSTALL_DIR") ?? data + "/uv/python"
        // A shim is there for each version that pyenv has, and starts the one that is chosen.
        let shims = directories.filter { $0.hasSuffix("/shims") }
        var roots = shims.map { String($0.dropLast("/shims".count)) }
        for root in [variable("PYENV_ROOT"), home + "/.pyenv"].compactMap(\.self)
        where !roots.contains(root) {
            roots.append(root)
        }
        return directories.filter { !shims.contains($0) }
            + roots.flatMap { below($0 + "/versions") } + below(uv)
    }

    static func find(_ name: String) -> String? {
        directories.lazy.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
    }

    /// Those of each directory, in the order in which they count.
    static func interpreters(called name: String) -> [String] {
        // Each installation has a `python3`: of which, is for `PATH` to say.
        let isVersion = name.contains(".")
        return (isVersion ? interpreterDirectories : directories).map { $0 + "/" + name }
            .filter { access($0, X_OK) == 0 }
    }

    /// The programs of each installation in a directory.
    private static func below(_ directory: String) -> [String] {
        // As a rule there is no such directory.
        guard let opened = try? OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY),
            let names = try? opened.names()
        else { return [] }
        return names.sorted().map { "\(directory)/\($0)/bin" }
    }

    private static var home: String { variable("HOME") ?? "/" }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
