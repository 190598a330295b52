internal import ContentStore

/// A path or glob of `outputs:` and `--output`, relative to the directory of the job.
enum OutputPattern {
    /// - Returns: the pattern without `.` and `..`.
    static func parse(_ text: String) throws(FieldError) -> String {
        let path = try FieldRules.relativePath(text)
        guard !path.isEmpty else {
            throw FieldError(
                "names the whole directory, which is what counts when nothing is named",
                example: "results")
        }
        do {
            _ = try PathPatterns([path])
        } catch {
            throw FieldError("wants a path or glob: \(error)", example: "results")
        }
        return path
    }
}
