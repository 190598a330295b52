internal import JobModel

/// The text of a job file, and how an error in it is shown: file, line and column, the line itself,
/// and a caret under the place.
struct JobFileText {
    /// As the person named it, for messages.
    let name: String
    /// As the person named it, for commands.
    let path: String
    let text: String
    /// The command that says what may stand in it.
    let help: String

    /// - Throws: `usage` for a file that is too large or is not UTF-8.
    init(
        name: String, bytes: [UInt8], help: String = "shunt run --help"
    ) throws(ShuntError) {
        self.name = Quoting.visible(name)
        path = name
        self.help = help
        guard bytes.count <= JobFileLimits.bytes else {
            throw Self.tooLarge(self.name, bytes: Int64(bytes.count))
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let valid = Self.validPrefix(of: bytes)
            let line = bytes[..<valid].count { $0 == UInt8(ascii: "\n") } + 1
            throw ShuntError(
                .usage, "`\(self.name)` line \(line): not valid UTF-8",
                hint: "iconv -f latin1 -t utf8 \(Quoting.forShell(name))")
        }
        self.text = text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text
    }

    /// - Parameter name: as people read it.
    static func tooLarge(_ name: String, bytes: Int64) -> ShuntError {
        ShuntError(
            .usage,
            "`\(name)` has \(ByteCount(bytes)), "
                + "and a job file at most \(ByteCount(Int64(JobFileLimits.bytes)))",
            hint: "shunt run --help")
    }

    /// An error at a place.
    ///
    /// - Parameters:
    ///   - line: from 1; one past the last line is the end of the file.
    ///   - column: from 1, in Unicode scalars.
    ///   - advice: what would do. It stands in the error, since a hint is a command.
    func error(
        line: Int, column: Int, _ problem: String, advice: String? = nil,
        hint: String? = nil
    ) -> ShuntError {
        var message = "\(name):\(line):\(column): \(problem)"
        if let advice { message += "; " + advice }
        if let content = content(ofLine: line) {
            let number = "\(line)"
            let margin = String(repeating: " ", count: number.count)
            let (shown, caret) = Self.excerpt(content, column: column)
            message += "\n \(number) | \(shown)\n \(margin) | "
            message += String(repeating: " ", count: caret) + "^"
        }
        return ShuntError(.usage, message, hint: hint ?? help)
    }

    /// - Parameter number: from 1.
    private func content(ofLine number: Int) -> Substring? {
        let lines = text.split(
            separator: "\n", maxSplits: number, omittingEmptySubsequences: false)
        guard number >= 1, number <= lines.count, number <= JobFileLimits.bytes else { return nil }
        let line = lines[number - 1]
        // With `maxSplits` the piece after the last split is the rest of the text.
        return line.firstIndex(of: "\n").map { line[..<$0] } ?? line
    }

    /// At most 76 columns of a line around a place, with tabs as spaces so that the caret fits.
    private static func excerpt(_ line: Substring, column: Int) -> (text: String, caret: Int) {
        let width = 76
        let scalars = Array(line.unicodeScalars)
        let place = max(0, min(column - 1, scalars.count))
        let start = place < width - 8 ? 0 : place - width / 2
        let end = min(scalars.count, start + width)
        var text = start > 0 ? "…" : ""
        for scalar in scalars[start..<end] {
            text += scalar == "\t" ? " " : Quoting.visible(String(scalar))
        }
        if end < scalars.count { text += "…" }
        return (text, place - start + (start > 0 ? 1 : 0))
    }

    private static func validPrefix(of bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var count = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): count += UTF8.width(scalar)
            case .emptyInput, .error: return count
            }
        }
    }
}
