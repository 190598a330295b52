/// Where the working directory stood in git when it was snapshotted.
package struct GitState: Hashable, Sendable, Codable {
    /// The full object name of HEAD.
    package var commit: String
    /// `nil` when HEAD is detached.
    package var branch: String?
    /// Whether a tracked file differed from HEAD.
    package var dirty: Bool

    package init(commit: String, branch: String?, dirty: Bool) {
        self.commit = commit
        self.branch = branch
        self.dirty = dirty
    }
}
