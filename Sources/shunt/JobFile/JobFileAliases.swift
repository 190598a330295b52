internal import JobModel

/// Keeps anchors and aliases so few that what they stand for stays small. A few nested lists of
/// aliases otherwise stand for more nodes than memory holds, and the YAML library visits each of
/// them when it compares keys.
enum JobFileAliases {
    /// Counts what might be one: an `&` or `*` where a node can begin, with a name behind it. Text
    /// of a script may be counted too, which does no harm below the bounds.
    ///
    /// - Throws: `usage` above the bounds.
    static func check(_ file: JobFileText) throws(ShuntError) {
        var anchors = 0
        var aliases = 0
        var line = 1
        var column = 1
        var mayBegin = true
        var sign: UInt8?
        for byte in file.text.utf8 {
            if sign == UInt8(ascii: "&"), isName(byte) { anchors += 1 }
            if sign == UInt8(ascii: "*"), isName(byte) { aliases += 1 }
            guard anchors <= JobFileLimits.anchors,
                anchors == 0 || aliases <= JobFileLimits.aliases
            else {
                throw file.error(
                    line: line, column: column - 1,
                    "a job file has at most \(JobFileLimits.anchors) anchors (`&name`) "
                        + "and \(JobFileLimits.aliases) aliases (`*name`)",
                    advice: "write out what the aliases stand for")
            }
            sign =
                mayBegin && (byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*")) ? byte : nil
            mayBegin = Array(" \t\r\n[{,-:?".utf8).contains(byte)
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
    }

    /// What a name of an anchor begins with, in libyaml.
    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
