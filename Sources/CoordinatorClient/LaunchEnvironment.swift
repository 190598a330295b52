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
    ]
    private static let prefixes = ["LC_", "XDG_", "SHUNT_", "PIP_", "UV_"]

    /// - Parameters:
    ///   - variables: `NAME=VALUE` as `environ` has them, raw bytes.
    ///   - root: the home, which the coordinator must not compute anew from another directory.
    /// - Returns: the variables of the coordinator, in the order given.
    package static func select(from variables: [[UInt8]], root: String) -> [[UInt8]] {
        var result = variables.filter { variable in
            guard let equals = variable.firstIndex(of: UInt8(ascii: "=")) else { return false }
            let name = String(decoding: variable[..<equals], as: UTF8.self)
            if name == "SHUNT_HOME" { return false }
            return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
        }
        result.append(Array("SHUNT_HOME=\(root)".utf8))
        return result
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
