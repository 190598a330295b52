import Testing

/// Small rooms: what is longer than this wants to be two things.
@Suite struct SizeTests {
    static let longestFile = 600
    static let longestFunction = 70
    static let widestLine = 100

    @Test func filesStopAtSixHundredLines() throws {
        let checkout = try Checkout.current
        expectNone(
            (checkout.swift + checkout.c).filter { $0.lines.count > Self.longestFile }.map {
                Finding(path: $0.path, line: $0.lines.count, message: "the file is too long")
            })
    }

    @Test func functionsStopAtSeventyLines() throws {
        let checkout = try Checkout.current
        expectNone((checkout.swift + checkout.c).flatMap(Self.longFunctions))
    }

    @Test func linesStopAtAHundredColumns() throws {
        let checkout = try Checkout.current
        expectNone((checkout.swift + checkout.c).flatMap(Self.wideLines))
    }

    static func longFunctions(_ file: SourceFile) -> [Finding] {
        file.functions.filter { $0.count > longestFunction }.map {
            Finding(
                path: file.path, line: $0.first, message: "`\($0.name)` has \($0.count) lines")
        }
    }

    /// A link cannot be broken. A column is a character.
    static func wideLines(_ file: SourceFile) -> [Finding] {
        zip(1..., file.lines).filter { $1.count > widestLine && !$1.contains("://") }.map {
            Finding(path: file.path, line: $0, message: "\($1.count) columns")
        }
    }
}
