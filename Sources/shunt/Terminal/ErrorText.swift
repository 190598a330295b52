internal import JobModel

/// How an error is shown: `error: …`, an empty line, `hint: …`.
enum ErrorText {
    static func render(_ error: ShuntError, color: Bool = false) -> String {
        var text = label("error", "31", color) + " " + error.message + "\n"
        if let hint = error.hint {
            text += "\n" + label("hint", "36", color) + " " + hint + "\n"
        }
        return text
    }

    private static func label(_ word: String, _ style: String, _ color: Bool) -> String {
        color ? "\u{1b}[1;\(style)m\(word):\u{1b}[0m" : word + ":"
    }

    static func print(_ error: ShuntError) {
        let text = render(error, color: TerminalTraits.ofStandardError().hasColor)
        // Where standard error is gone, the exit code is what remains.
        _ = StandardStream.error.write(text.utf8)
    }
}
