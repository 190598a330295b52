internal import JobModel
internal import Yams

/// What libyaml says of a mistake, in the words and the shape of every other error of a job file.
enum JobFileSyntax {
    static func explain(_ error: YamlError, in file: JobFileText) -> ShuntError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return file.error(
                line: mark.line, column: mark.column, problem,
                hint: hint(for: problem, line: mark.line, in: file))
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { "`\(Quoting.visible($0))`" }.joined(separator: ", ")
            return file.error(
                line: context.mark.line, column: context.mark.column, "\(keys) is given twice",
                hint: "keep one of the two")
        case .reader(let problem, let offset, _, _):
            let place = position(ofCharacter: offset ?? 0, in: file.text)
            return file.error(
                line: place.line, column: place.column, problem,
                hint: "a job file is text without control characters")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return ShuntError(
                .failed, "`\(file.name)` cannot be read: \(error)", hint: "shunt run --help")
        }
    }

    private static func hint(for problem: String, line: Int, in file: JobFileText) -> String {
        let lines = file.text.split(
            separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
        let content = line >= 1 && line <= lines.count ? lines[line - 1] : ""
        if content.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
            return "indent with spaces: YAML takes no tabs"
        }
        if problem.contains("alphabetic or numeric character") {
            return "quote a pattern that begins with `*` or `&`: `outputs: [\"*.csv\"]`"
        }
        if problem.contains("mapping values are not allowed") {
            return "quote text that has a colon and a space in it: `run: \"echo a: b\"`"
        }
        if problem.contains("undefined alias") {
            return "quote text that begins with `*`: `outputs: [\"*.csv\"]`"
        }
        return "shunt run --help"
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
