/// A body in braces with its head: function, initializer, accessor, or property with a body.
struct FunctionExtent: Equatable {
    var name: String
    var first: Int
    var last: Int
    var count: Int { last - first + 1 }
}

extension SourceFile {
    var functions: [FunctionExtent] {
        switch language {
        case .swift: swiftFunctions
        case .c: cFunctions
        }
    }

    private var swiftFunctions: [FunctionExtent] {
        tokens.indices.compactMap { index in
            let head = tokens[index]
            guard ["func", "init", "deinit", "subscript", "var"].contains(head.text),
                // `self.init(…)` and `.init(…)` are calls.
                index == 0 || tokens[index - 1].text != ".",
                let open = bodyStart(after: index), let close = closing(open)
            else { return nil }
            let named = head.text == "func" || head.text == "var"
            return FunctionExtent(
                name: named ? tokens[index + 1].text : head.text,
                first: head.line, last: tokens[close].line)
        }
    }

    /// The brace that opens the body; nil for a requirement of a protocol or a stored property.
    private func bodyStart(after head: Int) -> Int? {
        let ends: Set<String> = [
            "func", "init", "deinit", "subscript", "var", "let", "case", "return", "struct",
            "class", "enum", "extension", "protocol", "static", "package", "private", "public",
        ]
        var depth = 0
        var index = head + 1
        while index < tokens.count {
            switch tokens[index].text {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return index
            case "}" where depth == 0: return nil
            case let text where depth == 0 && ends.contains(text): return nil
            case "=" where depth == 0 && tokens[head].text == "var": return nil
            default: break
            }
            // It ended the list that a variable pattern stands in.
            if depth < 0 { return nil }
            index += 1
        }
        return nil
    }

    private var cFunctions: [FunctionExtent] {
        var found: [FunctionExtent] = []
        var index = 0
        while index < tokens.count {
            if tokens[index].text == "{", let close = closing(index) {
                if index > 0, tokens[index - 1].text == ")" {
                    found.append(
                        FunctionExtent(
                            name: cName(before: index - 1), first: tokens[index].line,
                            last: tokens[close].line))
                }
                index = close
            }
            index += 1
        }
        return found
    }

    /// The word in front of the parameters that end at `close`.
    private func cName(before close: Int) -> String {
        var depth = 0
        for index in stride(from: close, through: 0, by: -1) {
            if tokens[index].text == ")" { depth += 1 }
            if tokens[index].text == "(" { depth -= 1 }
            if depth == 0 { return index > 0 ? tokens[index - 1].text : "" }
        }
        return ""
    }

    private func closing(_ open: Int) -> Int? {
        var depth = 0
        for index in open..<tokens.count {
            if tokens[index].text == "{" { depth += 1 }
            if tokens[index].text == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}
