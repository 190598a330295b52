internal import Glibc
package import JobModel

extension ObjectStore {
    /// Digests of files that are known without reading, by path beneath the target and status: a
    /// stat cache. `nil` for what it does not know.
    package typealias KnownDigest = @Sendable (RawPath, FileStat) -> Digest?

    /// Places outputs in a person's directory by the rules of ``PlacementDecision``. Never writes
    /// through a symlink or outside the target. Can be repeated: what was placed before is then
    /// unchanged. Blocks.
    ///
    /// - Throws: ``ShuntError``: a full disk, no permission, an object that is not here. What was
    ///   placed until then stays, and no file is half written.
    package func place(
        _ request: PlacementRequest, known: KnownDigest? = nil
    ) throws -> PlacementReport {
        try forPeople {
            do throws(SystemError) {
                try request.target.withCString { text throws(SystemError) in
                    _ = try checked("create", request.target) { mkdir(text, 0o777) }
                }
            } catch {
                guard error.code == EEXIST else { throw error }
            }
            let root = Checkout.Shared(
                RootDirectory(
                    try Descriptor.open(request.target, O_RDONLY | O_DIRECTORY),
                    shown: request.target))
            var placement = Placement(store: self, request: request, root: root, known: known)
            return try placement.run()
        }
    }
}
