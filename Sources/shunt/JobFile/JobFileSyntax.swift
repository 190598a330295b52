internal import JobModel
internal import Yams

/// What libyaml says of a mistake, in the words and the shape of every other error of a job file.
enum JobFileSyntax {
    static func explain(_ error: YamlError, in file: JobFileText) -> ShuntError {
        switch error {
        case .scanner(let context?, let problem, let mark, _)
        where context.text.contains("quoted scalar") && problem.contains("end of stream"):
            return file.error(
                line: mark.line, column: mark.column, problem,
                advice: "the quoted text that begins in line \(context.mark.line) does not end")
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            if isIndentedByTab(line: mark.line, in: file) {
                return file.error(
                    line: mark.line, column: mark.column, problem,
                    advice: "YAML takes no tabs: indent with spaces",
                    hint: "sed -i 's/\\t/  /g' \(Quoting.forShell(file.path))")
            }
            return file.error(
                line: mark.line, column: mark.column, problem, advice: advice(for: problem))
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { "`\(Quoting.visible($0))`" }.joined(separator: ", ")
            let second = duplicates.first.flatMap {
                secondLine(of: $0, from: context.mark, in: file.text)
            }
            return file.error(
                line: second ?? context.mark.line, column: context.mark.column,
                "\(keys) is given twice", advice: "keep one of the two")
        case .reader(let problem, let offset, _, _):
            let place = position(ofCharacter: offset ?? 0, in: file.text)
            return file.error(
                line: place.line, column: place.column, problem,
                advice: "a job file is text without control characters")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return ShuntError(
                .failed, "`\(file.name)` cannot be read: \(error)", hint: "shunt run --help")
        }
    }

    /// The second line with a key of the mapping that begins at a mark, which is all that is known;
    /// `nil` for a mapping within braces.
    private static func secondLine(of key: String, from mark: Mark, in text: String) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = String(repeating: " ", count: max(0, mark.column - 1)) + key
        let matches = lines.indices.dropFirst(max(0, mark.line - 1)).filter { index in
            lines[index].hasPrefix(start)
                && lines[index].dropFirst(start.count).drop { $0 == " " }.hasPrefix(":")
        }
        return matches.dropFirst().first.map { $0 + 1 }
    }

    private static func isIndentedByTab(line: Int, in file: JobFileText) -> Bool {
        let lines = file.text.split(
            separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
        let content = line >= 1 && line <= lines.count ? lines[line - 1] : ""
        return content.prefix { $0 == " " || $0 == "\t" }.contains("\t")
    }

    private static func advice(for problem: String) -> String? {
        if problem.contains("alphabetic or numeric character") {
            return "quote a pattern that begins with `*` or `&`: `outputs: [\"*.csv\"]`"
        }
        if problem.contains("mapping values are not allowed") {
            return "quote text that has a colon and a space in it: `run: \"echo a: b\"`"
        }
        if problem.contains("undefined alias") {
            return "quote text that begins with `*`: `outputs: [\"*.csv\"]`"
        }
        return nil
    }

    private static func position(
        ofCharacter offset: Int, in text: String
    ) -> (line: Int, column: Int) {
        var line = 1
        var column = 1
        for character in text.prefix(offset) {
            if character.isNewline {
                line += 1
                column = 1
            } else {
                column += character.unicodeScalars.count
            }
        }
        return (line, column)
    }
}
