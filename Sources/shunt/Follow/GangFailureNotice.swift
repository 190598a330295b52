internal import CoordinatorClient
internal import JobModel

/// Says which task of a gang has failed first, as soon as that is known: what the others say
/// afterwards is what follows from it.
struct GangFailureNotice {
    private var isTold = false

    /// - Returns: `nil` where there is nothing new to say.
    mutating func text(for view: JobView) -> String? {
        guard !isTold, !view.state.isTerminal, let rank = view.failedRank,
            let task = view.tasks?.first(where: { $0.rank == rank })
        else { return nil }
        isTold = true
        return "rank \(rank) on `\(task.worker)` has failed; the other tasks are being ended"
    }

    /// Lines of a failed task that are shown once more at the end.
    private static let lineCount = 10
    /// Of one line.
    private static let columns = 500

    /// The last lines of the task that failed first, as the rest of an error's message.
    static func lastLines(_ view: JobView, _ connection: CoordinatorConnection) async -> String {
        guard let rank = view.failedRank, view.spec.nodeCount > 1,
            view.tasks?.first(where: { $0.rank == rank })?.startedAt != nil
        else { return "" }
        do {
            let job = JobReference(view.id)
            let start = try await connection.logTail(
                of: job, rank: rank, lines: lineCount, stream: nil)
            let page = try await connection.logPage(of: job, rank: rank, from: start.offset)
            let printer = LogPrinter(progress: ProgressDisplay(mode: .quiet))
            var bytes: [UInt8] = []
            for record in try printer.records(in: page.bytes) {
                if case .output(_, let output) = record.body { bytes += output }
            }
            let lines = bytes.dropFirst(Int(start.skip))
                .split(separator: UInt8(ascii: "\n")).suffix(lineCount)
                .map { String(decoding: $0, as: UTF8.self) }
            guard !lines.isEmpty else { return "" }
            return "; its last lines:\n"
                + lines.map {
                    "  " + Quoting.truncated(Quoting.visible($0), to: columns)
                }.joined(separator: "\n")
        } catch {
            // What is shown here was printed before, and `logs` prints it again.
            return ""
        }
    }
}
