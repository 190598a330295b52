internal import ContentStore
internal import JobModel

/// What a snapshot says to a person.
enum SnapshotText {
    /// At most this many names in one line.
    static let namesShown = 5
    /// Of files that may hold credentials: somebody may have to look for the one that a job lacks.
    static let credentialsShown = 100

    /// For the live line while the snapshot is taken; `nil` before there is anything to say.
    static func counters(files: Int64, read: ByteCount) -> String? {
        guard files > 0 else { return nil }
        let text = "\(grouped(files)) files"
        return read == .zero ? text : text + ", \(read) read"
    }

    /// `5 files, 4.1 KiB`.
    static func size(_ inputs: JobInputs) -> String {
        let files = inputs.fileCount == 1 ? "1 file" : "\(grouped(inputs.fileCount)) files"
        return "\(files), \(inputs.totalSize)"
    }

    /// What stayed behind or needs care, a line each.
    ///
    /// - Parameter hasIgnoreFile: whether the directory has a `.shuntignore`. A first one takes the
    ///   place of the built-in excludes, which nobody expects who writes it for one file.
    static func remarks(
        _ result: SnapshotResult, hasIgnoreFile: Bool
    ) -> [(label: String, text: String)] {
        var lines: [(label: String, text: String)] = []
        if !result.credentials.isEmpty {
            let names = result.credentials.map { "\($0.path)" + ($0.isDirectory ? "/" : "") }
            let example = result.credentials[0].path
            var text = list(names, most: credentialsShown)
            text += ": may hold credentials (`!\(example)` in .shuntignore sends it"
            if !hasIgnoreFile {
                text += "; that file then replaces the built-in excludes, so name in it too what "
                text += "else must stay, such as `.venv/` and `node_modules/`"
            }
            lines.append(("left out", text + ")"))
        }
        if !result.withheld.isEmpty {
            let names = result.withheld.map { Quoting.visible("\($0)") }
            lines.append(("left out", list(names) + ": handed over as a secret alone"))
        }
        if !result.specialFiles.isEmpty {
            let names = result.specialFiles.map { "\($0.path) (\($0.kind.rawValue))" }
            lines.append(("left out", list(names) + ": no file that can be sent"))
        }
        if !result.escapingLinks.isEmpty {
            let names = result.escapingLinks.map { "\($0.path) → \($0.target)" }
            lines.append(("links", list(names) + ": must exist on the worker"))
        }
        if !result.largeFiles.isEmpty {
            let names = result.largeFiles.map { "\($0.treePath) (\(ByteCount($0.status.size)))" }
            lines.append(("do not edit", list(names) + ": large, and read when the job is sent"))
        }
        return lines
    }

    /// The largest directories, for a question about size.
    static func largest(_ shares: [PlanView.Share]) -> String {
        shares.map { share in
            let name = share.directory.map { Quoting.visible($0) + "/" } ?? "files at the top"
            return "\(name) (\(share.bytes))"
        }.joined(separator: ", ")
    }

    /// The first few names, and how many more there are.
    static func list(_ names: [String], most: Int = namesShown) -> String {
        let shown = names.prefix(most).joined(separator: ", ")
        let rest = names.count - most
        return rest > 0 ? shown + " and \(grouped(Int64(rest))) more" : shown
    }

    /// `1,234,567`.
    static func grouped(_ number: Int64) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }
}
