internal import JobModel

/// What a `uv.lock` may say: an environment is built from it and from `pyproject.toml` alone, so a
/// package that lies in a directory or file of this machine is refused.
enum ProjectLock {
    /// - Throws: ``ShuntError`` that shows the line.
    static func check(_ bytes: [UInt8]) throws(ShuntError) {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ").joined(separator: " ")
            guard words.hasPrefix("source = {") else { continue }
            let isLocal = ["directory", "editable", "path", "virtual"].contains {
                words.contains("{ \($0) = ")
            }
            // The project itself is not installed: the command runs in its directory.
            guard isLocal, !words.contains("= \".\"") else { continue }
            throw ShuntError(
                .usage,
                "`\(words)` in `uv.lock` points at another directory, and an environment is built "
                    + "from the lock alone",
                hint: "uv export --frozen --no-emit-local -o requirements.txt")
        }
    }

    /// The versions that the lock was made for: its `requires-python`, which `uv` writes as version
    /// specifiers (PEP 440). Minor versions count; whether a patch is too old, the installer says.
    ///
    /// - Returns: `nil` where it names no lowest version.
    static func python(_ bytes: [UInt8]) -> PythonRange? {
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        // Before the first package: the lock's own.
        for line in lines.prefix(while: { !$0.hasPrefix("[") }) {
            let parts = line.split(separator: "=", maxSplits: 1).map { String($0).trimmingSpaces }
            guard parts.count == 2, parts[0] == "requires-python" else { continue }
            return range(parts[1].filter { $0 != "\"" && $0 != " " })
        }
        return nil
    }

    private static func range(_ specifiers: String) -> PythonRange? {
        var lowest: PythonVersion?
        var end: PythonVersion?
        for specifier in specifiers.split(separator: ",") {
            let comparison = String(specifier.prefix { "<>=!~".contains($0) })
            let number = specifier.dropFirst(comparison.count)
            let numbers = number.split(separator: ".")
            // `3.13.0` is where 3.13 begins.
            let isMinor = numbers.count < 3 || numbers[2] == "*"
            let isBeginning = isMinor || numbers[2] == "0"
            guard let version = PythonVersion(String(number)) else { continue }
            let next = PythonVersion(major: version.major, minor: version.minor + 1)
            switch comparison {
            // After 3.9 comes 3.9.1.
            case ">=", ">", "~=": lowest = max(lowest ?? version, version)
            case "<": end = min(end ?? next, isBeginning ? version : next)
            case "<=": end = min(end ?? next, next)
            case "==", "===":
                lowest = max(lowest ?? version, version)
                end = min(end ?? next, next)
            default: continue
            }
            // `~=3.11` allows for 3.12 and not for 4.0, `~=3.11.2` not for 3.12.
            if comparison == "~=", !isMinor { end = min(end ?? next, next) }
        }
        return lowest.flatMap { PythonRange(from: $0, below: end) }
    }
}
