/// What a child process left behind when it ended.
package struct Outcome: Sendable {
    /// The exit code, or 128 + n for a child that signal n ended, as a shell counts.
    package var code: Int32
    /// Standard output, byte for byte.
    package var output: [UInt8]
    /// Standard error, byte for byte.
    package var errors: [UInt8]

    package init(code: Int32, output: [UInt8], errors: [UInt8]) {
        self.code = code
        self.output = output
        self.errors = errors
    }

    package var text: String { String(decoding: output, as: UTF8.self) }
    package var errorText: String { String(decoding: errors, as: UTF8.self) }
    /// The lines of standard error, for looking up one.
    package var errorLines: [String] { errorText.split(separator: "\n").map(String.init) }
}
