internal import CLinux
internal import Glibc
internal import JobModel

/// Looks for what this account can build environments with, by names alone: it costs a listing of
/// the directories where they may lie, and starts nothing.
enum BuildToolSearch {
    static func look() -> BuildTools {
        var tools = BuildTools(
            hasUV: ExecutableSearch.find("uv") != nil, hasConda: CondaTool.find() != nil,
            reachesOut: PackageRoute.exists)
        var versions: Set<PythonVersion> = []
        for directory in ExecutableSearch.interpreterDirectories {
            // A directory that `PATH` names and that is not there has no programs.
            guard let opened = try? OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY),
                let names = try? opened.names()
            else { continue }
            let found = names.compactMap { name in
                name.hasPrefix("python3.") ? PythonVersion(String(name.dropFirst(6))) : nil
            }.filter { access("\(directory)/python\($0)", X_OK) == 0 }
            versions.formUnion(found)
            // Beside a `python3` its version has a name as well, as a rule.
            if found.isEmpty, access(directory + "/python3", X_OK) == 0 {
                tools.hasOtherPython = true
            }
        }
        tools.pythons = versions.sorted { ($0.major, $0.minor) < ($1.major, $1.minor) }
        return tools
    }
}

/// Whether this machine has a way out to an index of packages. No host is asked: a route to other
/// networks counts, a proxy, and an index that somebody has configured, which may be near by.
enum PackageRoute {
    static var exists: Bool { hasRoute4 || hasRoute6 || isConfigured }

    /// Lines of `/proc/net/route`: interface, destination, gateway, flags, …
    private static var hasRoute4: Bool {
        fields(of: "/proc/net/route").contains { words in
            words.count > 3 && isOutward(words[0]) && (isZero(words[1]) || !isZero(words[2]))
        }
    }

    /// Lines of `/proc/net/ipv6_route`: destination, length, source, length, gateway, …, its
    /// interface.
    private static var hasRoute6: Bool {
        fields(of: "/proc/net/ipv6_route").contains { words in
            words.count > 9 && isOutward(words[9])
                && (words[1] == "00" || !isZero(words[4]))
        }
    }

    private static func isOutward(_ interface: Substring) -> Bool {
        // The kernel shows a route that refuses as one of `lo`, or of no interface.
        interface != "Iface" && interface != "lo" && interface != "*"
    }

    private static func isZero(_ word: Substring) -> Bool { word.allSatisfy { $0 == "0" } }

    private static func fields(of path: String) -> [[Substring]] {
        (SmallFile.text(path) ?? "").split(separator: "\n").map {
            $0.split(whereSeparator: \.isWhitespace)
        }
    }

    private static let variables = [
        "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "PIP_PROXY", "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX",
    ]

    private static var isConfigured: Bool {
        if variables.contains(where: { getenv($0).map { $0[0] != 0 } ?? false }) { return true }
        let home = getenv("HOME").map { String(cString: $0) } ?? "/"
        let configuration =
            getenv("XDG_CONFIG_HOME").map { String(cString: $0) } ?? home + "/.config"
        let files = [
            "/etc/pip.conf", home + "/.pip/pip.conf", configuration + "/pip/pip.conf",
            "/etc/uv/uv.toml", configuration + "/uv/uv.toml",
        ]
        return files.contains { path in
            (SmallFile.text(path) ?? "").split(separator: "\n").contains { line in
                let text = line.trimmingPrefix { $0.isWhitespace }
                return keys.contains { text.hasPrefix($0) }
            }
        }
    }

    /// How a line of such a file begins that names an index or a proxy.
    private static let keys = ["index-url", "extra-index-url", "proxy", "[[index]]"]
}
