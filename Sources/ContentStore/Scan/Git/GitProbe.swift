internal import Glibc
internal import JobModel

/// Asks git about a directory while a scan goes on: one `git status`, started at once, read later.
///
/// It takes none of git's locks (`--no-optional-locks`), runs no hook or monitor of the
/// repository's, and is over after ``limit`` whatever git does. No git, no repository, no commit
/// yet: no state.
struct GitProbe: ~Copyable {
    private let root: RawPath
    private let child: GitChild
    private let deadline: Int64

    /// How long git may take, in milliseconds.
    private static let limit: Int64 = 2000
    /// How long, when it took too long, it may take to name the commit.
    private static let fallbackLimit: Int64 = 500

    /// - Returns: `nil` where git cannot be started.
    static func start(in root: RawPath) -> GitProbe? {
        let arguments = [
            "status", "--porcelain=v2", "--branch", "--untracked-files=no",
            "--ignore-submodules=dirty", "--", ".",
        ]
        guard let child = GitChild(root: root, arguments: arguments) else { return nil }
        return GitProbe(root: root, child: child, deadline: GitChild.now() + limit)
    }

    /// Waits for the answer.
    consuming func finish() -> GitState? {
        var report = StatusReport()
        switch child.readLines(until: deadline, { report.take($0) }) {
        case .ended(let status): return status == 0 || report.isDirty ? report.state : nil
        case .stopped: return report.state
        case .timedOut: return Self.commitAlone(root)
        }
    }

    /// Commit and branch, with `dirty` because nobody knows better.
    private static func commitAlone(_ root: RawPath) -> GitState? {
        guard
            let child = GitChild(
                root: root, arguments: ["rev-parse", "HEAD", "--abbrev-ref", "HEAD"])
        else { return nil }
        var lines: [[UInt8]] = []
        let outcome = child.readLines(until: GitChild.now() + fallbackLimit) { line in
            lines.append(line)
            return lines.count < 2
        }
        if case .timedOut = outcome { return nil }
        guard lines.count == 2, let commit = StatusReport.commit(lines[0][...]) else { return nil }
        let branch = String(decoding: lines[1], as: UTF8.self)
        return GitState(commit: commit, branch: branch == "HEAD" ? nil : branch, dirty: true)
    }
}

/// What `git status --porcelain=v2 --branch` prints: headers first, then a line per change.
private struct StatusReport {
    private var commit: String?
    private var branch: String?
    private(set) var isDirty = false

    var state: GitState? {
        commit.map { GitState(commit: $0, branch: branch, dirty: isDirty) }
    }

    /// - Returns: whether to go on reading.
    mutating func take(_ line: [UInt8]) -> Bool {
        guard line.first == UInt8(ascii: "#") else {
            isDirty = true
            return false
        }
        if line.starts(with: "# branch.oid ".utf8) {
            // `(initial)` before the first commit.
            commit = Self.commit(line[13...])
        } else if line.starts(with: "# branch.head ".utf8) {
            let name = String(decoding: line[14...], as: UTF8.self)
            branch = name == "(detached)" ? nil : name
        }
        return true
    }

    static func commit(_ text: ArraySlice<UInt8>) -> String? {
        let digits = Array("0123456789abcdef".utf8)
        guard text.count == 40 || text.count == 64, text.allSatisfy({ digits.contains($0) }) else {
            return nil
        }
        return String(decoding: text, as: UTF8.self)
    }
}
