internal import JobModel
internal import Yams

extension JobFileReader {
    /// A key and its value.
    struct Entry {
        var key: String
        /// For messages: `resources.cpus`, `run[2]`.
        var path: String
        var node: Node
    }

    /// The entries of a mapping, whose keys are all known.
    func entries(of node: Node, in section: JobFileKeys.Section) throws(ShuntError) -> [Entry] {
        guard case .mapping(let mapping) = node else {
            guard section == .resources || section == .environment else {
                throw error(
                    at: node,
                    "\(section.title) is a mapping of keys to values, found \(kind(of: node))")
            }
            let example = section == .resources ? "cpus: 2" : "python: requirements.txt"
            let entry = Entry(key: section.rawValue, path: section.rawValue, node: node)
            throw wrongType(entry, wants: "a mapping such as `\(example)`")
        }
        try checkTag(of: node, tag: mapping.tag, is: .map)
        var result: [Entry] = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                throw error(
                    at: key, "a key is a word, found \(kind(of: key))",
                    advice: keyList(section))
            }
            guard section.keys.contains(scalar.string) else {
                throw unknownKey(scalar.string, at: key, in: section)
            }
            result.append(
                Entry(key: scalar.string, path: section.path(of: scalar.string), node: value))
        }
        return result
    }

    /// The value of a scalar, by a rule.
    ///
    /// - Parameters:
    ///   - kinds: what the scalar may look like; others are a wrong type.
    ///   - wants: what to say then.
    func value<Value>(
        of entry: Entry, kinds: Set<ScalarKind> = [.text], wants: String? = nil,
        _ rule: (String) throws(FieldError) -> Value
    ) throws(ShuntError) -> Value {
        let wanted = wants ?? (kinds.contains(.number) ? "text or a number" : "text")
        guard case .scalar(let scalar) = entry.node else {
            throw wrongType(entry, wants: wanted)
        }
        try checkTag(of: entry.node, tag: scalar.tag, is: .str)
        guard kinds.contains(ScalarKind(of: scalar)) else {
            throw wrongType(entry, wants: wanted)
        }
        return try valid(entry.node, rule, path: entry.path)
    }

    /// The value of a scalar, whatever it looks like, by a rule.
    func valid<Value>(
        _ node: Node, _ rule: (String) throws(FieldError) -> Value, path: String
    ) throws(ShuntError) -> Value {
        guard case .scalar(let scalar) = node else {
            throw error(
                at: node, "`\(path)` wants a word here, found \(kind(of: node))")
        }
        do throws(FieldError) {
            return try rule(scalar.string)
        } catch {
            throw self.error(
                at: node, "`\(path)` \(error.problem)",
                advice: "`\(error.example)` would do")
        }
    }

    /// A tag changes what a value means: one that is not understood is refused, not ignored.
    func checkTag(of node: Node, tag: Tag, is expected: Tag.Name) throws(ShuntError) {
        guard ["", "!", expected.rawValue].contains(tag.description) else {
            throw error(
                at: node, "a job file has no use for the tag `\(Quoting.visible(tag.description))`",
                advice: "write the value without its tag")
        }
    }

    func wrongType(_ entry: Entry, wants: String) -> ShuntError {
        let found = kind(of: entry.node)
        var advice: String?
        if case .scalar(let scalar) = entry.node, !wants.hasPrefix("a mapping"),
            [.number, .truth].contains(ScalarKind(of: scalar))
        {
            let text = Quoting.truncated(Quoting.visible(scalar.string), to: 60)
            // A word of a list stands alone there.
            let isListed = entry.path.hasSuffix("]")
            let quoted = isListed ? "\"\(text)\"" : "\(entry.key): \"\(text)\""
            advice = "quote it if it is meant as text: `\(quoted)`"
        }
        return error(
            at: entry.node, "`\(entry.path)` wants \(wants), found \(found)", advice: advice)
    }

    func check(_ count: Int, atMost limit: Int, _ what: String, of entry: Entry) throws(ShuntError)
    {
        guard count <= limit else {
            throw error(
                at: entry.node, "`\(entry.path)` has more than \(limit) \(what)",
                advice: "put them into a file of the directory, and read it from there")
        }
    }

    func error(at node: Node, _ problem: String, advice: String? = nil) -> ShuntError {
        file.error(
            line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, problem, advice: advice)
    }

    private func unknownKey(
        _ key: String, at node: Node, in section: JobFileKeys.Section
    ) -> ShuntError {
        let shown = Quoting.truncated(Quoting.visible(section.path(of: key)), to: 60)
        if section.unsupported.contains(key) {
            return error(
                at: node, "`\(shown)` is not supported yet", advice: keyList(section))
        }
        guard let near = JobFileKeys.suggestion(for: key, in: section) else {
            return error(at: node, "unknown key `\(shown)`", advice: keyList(section))
        }
        return error(at: node, "unknown key `\(shown)`; did you mean `\(near)`?")
    }

    private func keyList(_ section: JobFileKeys.Section) -> String {
        let names = section.keys.map { "`\($0)`" }.joined(separator: ", ")
        return "the keys of \(section.title) are \(names)"
    }

    private func kind(of node: Node) -> String {
        switch node {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        case .scalar(let scalar):
            switch ScalarKind(of: scalar) {
            case .text: "text"
            case .number: "a number"
            case .truth: "a truth value"
            case .nothing: "nothing"
            }
        }
    }
}

/// What a scalar means to YAML 1.1, by its text: quoted text is always text.
enum ScalarKind: Hashable {
    case text
    case number
    case truth
    case nothing

    init(of scalar: Node.Scalar) {
        self = scalar.style == .plain ? Self.ofPlain(scalar.string) : .text
    }

    static func ofPlain(_ text: String) -> ScalarKind {
        switch text {
        case "", "~", "null", "Null", "NULL": return .nothing
        case "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No",
            "NO", "on", "On", "ON", "off", "Off", "OFF":
            return .truth
        case ".inf", "-.inf", "+.inf", ".nan": return .number
        default: return isNumber(text) ? .number : .text
        }
    }

    /// Decimal, hexadecimal or octal integers and decimal fractions with an exponent; the
    /// sexagesimal numbers of YAML 1.1 (`1:30`) are text to everybody who writes them.
    private static func isNumber(_ text: String) -> Bool {
        let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard let first = unsigned.utf8.first,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) || first == UInt8(ascii: ".")
        else { return false }
        if unsigned.hasPrefix("0x") || unsigned.hasPrefix("0o") {
            return unsigned.utf8.count > 2 && unsigned.dropFirst(2).allSatisfy(\.isHexDigit)
        }
        let digits = unsigned.filter { $0 != "_" }
        return Double(digits) != nil
    }
}
