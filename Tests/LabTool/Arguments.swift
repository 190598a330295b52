import Lab

/// A command line that cannot be understood.
struct UsageError: Error {
    var message: String
    init(_ message: String) { self.message = message }
}

/// The words of a command line: a command, and options with a value each.
struct Arguments {
    private var words: ArraySlice<String>

    init(_ words: ArraySlice<String>) { self.words = words }

    mutating func takeCommand() -> String? { words.popFirst() }

    /// Takes all there is.
    ///
    /// - Parameter known: the options that there are; each may be given more than once.
    mutating func takeOptions(_ known: Set<String>) throws -> Options {
        var options = Options()
        while let word = words.popFirst() {
            guard known.contains(word) else { throw UsageError("unknown argument \(word)") }
            guard let value = words.popFirst() else { throw UsageError("\(word) needs a value") }
            options.values[word, default: []].append(value)
        }
        return options
    }

    struct Options {
        fileprivate var values: [String: [String]] = [:]

        func all(_ name: String) -> [String] { values[name] ?? [] }

        func last(_ name: String) -> String? { values[name]?.last }

        func required(_ name: String) throws -> String {
            guard let value = last(name) else { throw UsageError("\(name) is missing") }
            return value
        }

        /// The value as `read` understands it, `nil` where the option is not given.
        func read<Value>(_ name: String, _ read: (String) -> Value?) throws -> Value? {
            guard let text = last(name) else { return nil }
            guard let value = read(text) else { throw UsageError("\(name): what is \(text)?") }
            return value
        }
    }
}
