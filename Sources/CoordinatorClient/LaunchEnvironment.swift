internal import Glibc

/// The environment that a coordinator starts with. It serves every terminal of its account and
/// outlives the one that started it, so it takes over what belongs to the account and nothing that
/// belongs to a shell: a virtual environment that happened to be active, or a `PYTHONPATH`, would
/// else reach jobs of other directories, on this machine only.
package enum LaunchEnvironment {
    private static let names: Set<String> = [
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "TMPDIR", "TZ", "LANG", "LANGUAGE",
        "PYENV_ROOT", "PYENV_VERSION",
        "SSH_AUTH_SOCK",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        "http_proxy", "https_proxy", "all_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
        "DOCKER_HOST", "DOCKER_CONFIG", "STORAGE_DRIVER", "REGISTRY_AUTH_FILE",
        "BUILDAH_ISOLATION", "DBUS_SESSION_BUS_ADDRESS",
    ]
    private static let prefixes = ["LC_", "XDG_", "SHUNT_", "PIP_", "UV_", "CONTAINERS_"]

    /// - Parameters:
    ///   - variables: `NAME=VALUE` as `environ` has them, raw bytes.
    ///   - root: the home, which the coordinator must not compute anew from another directory.
    /// - Returns: the variables of the coordinator, in the order given, with a `PATH` that leads
    ///   into no environment that is active in the shell.
    package static func select(from variables: [[UInt8]], root: String) -> [[UInt8]] {
        let pairs = variables.compactMap(split)
        let active = pairs.filter { isActiveEnvironment($0.name) }.map { withoutSlash($0.value) }
        var result: [[UInt8]] = []
        for pair in pairs where pair.name != "SHUNT_HOME" {
            guard names.contains(pair.name) || prefixes.contains(where: pair.name.hasPrefix) else {
                continue
            }
            let value = pair.name == "PATH" ? path(pair.value, without: active) : pair.value
            result.append(Array("\(pair.name)=".utf8) + value)
        }
        result.append(Array("SHUNT_HOME=\(root)".utf8))
        return result
    }

    private static func split(_ variable: [UInt8]) -> (name: String, value: ArraySlice<UInt8>)? {
        guard let equals = variable.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (
            String(decoding: variable[..<equals], as: UTF8.self), variable[(equals + 1)...]
        )
    }

    /// Conda numbers those that it stacks.
    private static func isActiveEnvironment(_ name: String) -> Bool {
        name == "VIRTUAL_ENV" || name == "CONDA_PREFIX" || name.hasPrefix("CONDA_PREFIX_")
    }

    private static func path(
        _ path: ArraySlice<UInt8>, without environments: [ArraySlice<UInt8>]
    ) -> ArraySlice<UInt8> {
        let colon = UInt8(ascii: ":")
        let kept = path.split(separator: colon, omittingEmptySubsequences: false).filter { entry in
            !environments.contains { environment in
                !environment.isEmpty
                    && withoutSlash(entry).elementsEqual(environment + Array("/bin".utf8))
            }
        }
        return ArraySlice(kept.joined(separator: [colon]))
    }

    private static func withoutSlash(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        path.last == UInt8(ascii: "/") ? path.dropLast() : path
    }

    /// The variables of this process as they stand in `environ`.
    static func current() -> [[UInt8]] {
        var result: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            result.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return result
    }
}
