/// Columns of text. Cells are single lines without control characters; the last column of a row
/// is never padded.
enum TextTable {
    /// - Parameters:
    ///   - rows: each as long as the header.
    ///   - width: the columns of the terminal, to which the last column is cut; `nil` for no limit.
    static func render(header: [String], rows: [[String]], width: Int? = nil) -> String {
        let all = [header] + rows
        let widths = header.indices.map { column in
            all.map { $0[column].count }.max() ?? 0
        }
        var text = ""
        for row in all {
            var line = ""
            for column in row.indices.dropLast() {
                line += row[column] + padding(widths[column] - row[column].count + 2)
            }
            line += row[row.count - 1]
            while line.last == " " { line.removeLast() }
            text += (width.map { Quoting.truncated(line, to: $0) } ?? line) + "\n"
        }
        return text
    }

    /// A name and a value in each line.
    static func pairs(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + padding(width - name.count + 2) + value + "\n"
        }.joined()
    }

    private static func padding(_ count: Int) -> String { String(repeating: " ", count: count) }
}
