/// Reads tables of our documents.
enum MarkdownTable {
    /// The rows of the table whose first column has this header, cells trimmed; none if no table
    /// has it.
    static func rows(in text: String, header: String) -> [[String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(cells)
        guard let start = lines.firstIndex(where: { $0.first == header }) else { return [] }
        return Array(lines[(start + 2)...].prefix { !$0.isEmpty })
    }

    /// What stands between backquotes.
    static func code(in cell: String) -> [String] {
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.filter { $0 % 2 == 1 }.map { String(parts[$0]) }
    }

    private static func cells(_ line: Substring) -> [String] {
        guard line.hasPrefix("|") else { return [] }
        return line.dropFirst().dropLast().split(
            separator: "|", omittingEmptySubsequences: false
        ).map { cell in
            String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}
