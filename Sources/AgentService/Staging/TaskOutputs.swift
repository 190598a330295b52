internal import ContentStore
internal import JobModel

/// What a task left in its directory, put into the store. Blocks.
struct TaskOutputs: Sendable {
    let order: StartOrder
    let directory: String
    let store: ObjectStore

    /// Named in a summary at most, of deletions and of warnings.
    private static let named = 100

    /// - Returns: `nil` where the task's directory was never made.
    func collect() throws -> OutputSummary? {
        let work = RawPath(TaskStaging.workDirectory(in: directory))
        let baseline = try baseline()
        let patterns =
            order.spec.outputs.isEmpty
            ? nil : try PathPatterns(order.spec.outputs)
        let collection = try store.collectOutputs(
            of: work, since: baseline, naming: patterns,
            leavingOut: order.spec.mounts.map { RawPath($0.target) })
        try store.flush()
        return OutputSummary(
            tree: collection.tree, fileCount: Int64(collection.files),
            totalSize: collection.bytes, deletedCount: Int64(collection.deleted.files),
            deleted: collection.deleted.paths.prefix(Self.named).map(\.description),
            warnings: collection.warnings.prefix(Self.named).map(\.text))
    }

    /// What the checkout wrote down, or the tree alone, against which every file is read again.
    private func baseline() throws -> Baseline {
        let path = RawPath(TaskStaging.baselineFile(in: directory))
        do {
            return try Baseline(loadingFrom: path)
        } catch is ShuntError {
            return try Baseline(of: order.tree, from: store)
        }
    }
}
