<<<<<<< HEAD
<<<<<<< HEAD
/// Where the working directory stood in git when it was snapshotted.
package struct GitState: Hashable, Sendable, Codable {
    /// The full object name of HEAD.
    package var commit: String
    /// `nil` when HEAD is detached.
    package var branch: String?
    /// Whether a tracked file differed from HEAD.
=======
=======
>>>>>>> cli
/// What git says about a working directory at the moment of its snapshot; recorded with the job,
/// given to it in its environment, and never deciding anything.
package struct GitState: Hashable, Sendable, Codable {
    /// The commit that is checked out: 40 or 64 lower-case hexadecimal digits.
    package var commit: String
    /// The branch, without `refs/heads/`; `nil` where none is checked out.
    package var branch: String?
    /// Whether tracked files of the directory differ from the commit, or git did not say in time:
    /// only `false` is a promise.
<<<<<<< HEAD
>>>>>>> scan
=======
>>>>>>> cli
    package var dirty: Bool

    package init(commit: String, branch: String?, dirty: Bool) {
        self.commit = commit
        self.branch = branch
        self.dirty = dirty
    }
}
