internal import CLinux
internal import Glibc

/// What standard error is connected to, and what it can show.
struct TerminalTraits: Hashable {
    /// A cursor can be moved in a line, and a line written over.
    var isLive: Bool
    var hasColor: Bool

    /// - Parameters:
    ///   - isTerminal: of standard error.
    ///   - term: `TERM`.
    ///   - noColor: `NO_COLOR`; any value but the empty one counts (no-color.org).
    init(isTerminal: Bool, term: String?, noColor: String?) {
        isLive = isTerminal && term != "dumb" && term?.isEmpty == false
        hasColor = isLive && (noColor ?? "").isEmpty
    }

    static func ofStandardError() -> TerminalTraits {
        TerminalTraits(
            isTerminal: StandardStream.error.isTerminal, term: variable("TERM"),
            noColor: variable("NO_COLOR"))
    }

    /// Columns of the terminal at this moment; 80 where it does not say.
    static func width() -> Int {
        var size = winsize()
        guard ioctl(StandardStream.error.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0
        else { return 80 }
        return Int(size.ws_col)
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
