/// The text form of every small record in a task's directory: a first line `shunt-KIND 1`, lines
/// `key=value`, a last line `end` that shows it is whole. Init writes the same from C.
///
/// Keys that a reader does not know are skipped, so that records can grow; a version other than 1
/// is not read at all.
struct RecordText {
    /// Milliseconds in a record: 0 … some 35,000 years, so that sums of them do not overflow.
    static let sensibleTimes: ClosedRange<Int64> = 0...(1 << 50)

    private var pairs: [(key: String, value: String)] = []

    init() {}

    /// - Returns: `nil` for anything that is not a whole record of this kind.
    init?(_ bytes: [UInt8], kind: String) {
        guard bytes.last == UInt8(ascii: "\n") else { return nil }
        let lines = bytes.dropLast().split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count >= 2,
            String(decoding: lines[0], as: UTF8.self) == "shunt-\(kind) 1",
            String(decoding: lines[lines.count - 1], as: UTF8.self) == "end"
        else { return nil }
        for line in lines[1..<(lines.count - 1)] {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            pairs.append(
                (
                    String(decoding: line[..<equals], as: UTF8.self),
                    String(decoding: line[(equals + 1)...], as: UTF8.self)
                ))
        }
    }

    subscript(key: String) -> String? { pairs.first { $0.key == key }?.value }

    func all(_ key: String) -> [String] { pairs.filter { $0.key == key }.map(\.value) }

    func number<Number: FixedWidthInteger>(_ key: String, as type: Number.Type = Number.self)
        -> Number?
    {
        self[key].flatMap { Number($0) }
    }

    mutating func add(_ key: String, _ value: String?) {
        guard let value else { return }
        // A newline would end the value; it is only ever there in words for people.
        let line = String(decoding: value.utf8.map { $0 == 10 ? 32 : $0 }, as: UTF8.self)
        pairs.append((key, line))
    }

    mutating func add(_ key: String, _ value: (some BinaryInteger)?) {
        if let value { add(key, String(value)) }
    }

    func encoded(kind: String) -> [UInt8] {
        var text = "shunt-\(kind) 1\n"
        for pair in pairs { text += "\(pair.key)=\(pair.value)\n" }
        return Array((text + "end\n").utf8)
    }
}
