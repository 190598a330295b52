internal import Glibc
internal import JobModel

/// Asks git about a directory while a scan goes on: one `git status` for what is tracked, one
/// `git ls-files` for what is not, started at once, read later.
///
/// They take none of git's locks (`--no-optional-locks`), run no hook or monitor of the
/// repository's, and are over after ``limit`` whatever git does. No git, no repository, no commit
/// yet: no state.
struct GitProbe: ~Copyable {
    private let root: RawPath
    private let tracked: GitChild
    private let untracked: GitChild
    private let deadline: Int64

    /// How long git may take, in milliseconds.
    private static let limit: Int64 = 2000
    /// How long, when it took too long, it may take to name the commit.
    private static let fallbackLimit: Int64 = 500

    /// - Returns: `nil` where git cannot be started.
    static func start(in root: RawPath) -> GitProbe? {
        let status = [
            "status", "--porcelain=v2", "--branch", "--untracked-files=no",
            "--ignore-submodules=dirty", "--", ".",
        ]
        // A directory with nothing tracked in it is one line with a slash at its end.
        let files = [
            "ls-files", "-z", "--others", "--exclude-standard", "--directory",
            "--no-empty-directory",
        ]
        guard let tracked = GitChild(root: root, arguments: status),
            let untracked = GitChild(root: root, arguments: files)
        else { return nil }
        return GitProbe(
            root: root, tracked: tracked, untracked: untracked,
            deadline: GitChild.now() + limit)
    }

    /// Waits for the answer.
    ///
    /// - Parameter isSent: whether the snapshot has something at a path; a file that git neither
    ///   tracks nor ignores makes no difference where it stays behind.
    consuming func finish(isSent: (RawPath) -> Bool) -> GitState? {
        var report = StatusReport()
        switch tracked.readLines(until: deadline, { report.take($0) }) {
        case .ended(let status):
            guard status == 0 || report.isDirty else { return nil }
            guard var state = report.state else { return nil }
            state.dirty = state.dirty || hasUntrackedFiles(isSent)
            return state
        case .stopped: return report.state
        case .timedOut: return Self.commitAlone(root)
        }
    }

    private borrowing func hasUntrackedFiles(_ isSent: (RawPath) -> Bool) -> Bool {
        let slash = UInt8(ascii: "/")
        let outcome = untracked.readLines(until: deadline, endedBy: 0) { path in
            !isSent(RawPath(path.last == slash ? path.dropLast() : path))
        }
        switch outcome {
        case .ended: return false
        // Of one that did not finish nobody can say that there is nothing.
        case .stopped, .timedOut: return true
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
