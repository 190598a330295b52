internal import ContentStore
internal import Glibc
internal import JobModel

/// What `pip` and `uv` keep between builds in the agent's own directory (`RunningAgent`). They have
/// no bound of their own. Blocks.
enum InstallerCache {
    /// Beyond it all of it goes: what is needed again is fetched again.
    static let bound = ByteCount.gibibytes(10)

    /// - Parameter path: of the cache; where there is none, the account has its own elsewhere.
    static func empty(_ path: String, beyond bound: ByteCount = bound) throws {
        let aside = path + ".old"
        // A build that has just begun finds an empty one rather than half of one.
        if TreeSize.exceeds(bound, at: path) { rename(path, aside) }
        if access(aside, F_OK) == 0 { try removeTree(at: RawPath(aside)) }
    }
}
