/// What git says about a working directory at the moment of its snapshot; recorded with the job,
/// given to it in its environment, and never deciding anything.
package struct GitState: Hashable, Sendable, Codable {
    /// The commit that is checked out: 40 or 64 lower-case hexadecimal digits.
    package var commit: String
    /// The branch, without `refs/heads/`; `nil` where none is checked out.
    package var branch: String?
    /// Whether tracked files of the directory differ from the commit, or git did not say in time:
    /// only `false` is a promise.
    package var dirty: Bool

    package init(commit: String, branch: String?, dirty: Bool) {
        self.commit = commit
        self.branch = branch
        self.dirty = dirty
    }
}
