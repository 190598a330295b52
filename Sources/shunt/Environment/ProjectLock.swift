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
}
