import Foundation

/// The machines as `docs/states.md` shows them.
struct StateDiagram {
    struct Move: Hashable {
        var from: String
        var event: String
        var to: String
    }

    /// The arrows of one Mermaid diagram.
    var moves: [Move] = []
    var start = ""
    var ends: [String] = []

    static func page() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/states.md"), encoding: .utf8)
    }

    /// The diagram in the section of this name.
    init(section: String, of page: String) {
        let text = Self.section(section, of: page)
        guard let block = text.firstRange(of: "```mermaid\n") else { return }
        for line in text[block.upperBound...].split(separator: "\n") {
            if line == "```" { break }
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 3, words[1] == "-->" else { continue }
            if words[0] == "[*]" {
                start = words[2]
            } else if words[2] == "[*]" {
                ends.append(words[0])
            } else if words.count == 4, words[2].hasSuffix(":") {
                moves.append(
                    Move(from: words[0], event: words[3], to: String(words[2].dropLast())))
            }
        }
    }

    /// The rows of the first table of a section whose header begins so, as lists of the words in
    /// backquotes and of the plain cells.
    static func rows(after header: String, in section: String, of page: String) -> [[String]] {
        let lines = Self.section(section, of: page).split(separator: "\n").map(String.init)
        guard let first = lines.firstIndex(where: { $0.hasPrefix(header) }) else { return [] }
        return lines[(first + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    static func quoted(_ cell: String) -> [String] {
        cell.split(separator: " ").map {
            $0.trimmingCharacters(in: CharacterSet(charactersIn: "`"))
        }
    }

    private static func section(_ name: String, of page: String) -> Substring {
        guard let start = page.firstRange(of: "\n## \(name)\n") else { return "" }
        let rest = page[start.upperBound...]
        return rest[..<(rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex)]
    }
}
