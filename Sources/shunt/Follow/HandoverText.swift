internal import JobModel

/// Who has to stay awake for a job.
enum HandoverText {
    /// What a submission may take longer to say who has to stay awake.
    static let patience = Duration.seconds(1)

    /// Whether a worker that can be reached is about to have the job.
    static func isUnderWay(_ view: JobView) -> Bool {
        switch view.state {
        case .queued: view.waiting == nil || view.waiting?.code == .comparingWorkers
        case .active: !view.handedOver && view.worker != .local && view.link == nil
        case .succeeded, .failed, .cancelled, .lost: false
        }
    }

    static func describe(_ view: JobView) -> String {
        if view.state.isTerminal { return view.state.rawValue }
        guard let worker = view.worker, view.state == .active else {
            let reason = view.waiting.map { ": \($0.message)" } ?? ""
            return "waiting here for \(place(view))\(reason); "
                + "this machine must be awake to start it"
        }
        if view.handedOver {
            return worker == .local
                ? "it runs on this machine" : "handed to `\(worker)`: safe to disconnect"
        }
        return worker == .local
            ? "it runs on this machine"
            : "being handed to `\(worker)`; this machine must be awake until "
                + "`shunt wait --handed-over \(view.id)` returns"
    }

    private static func place(_ view: JobView) -> String {
        switch view.spec.placement {
        case .any, .among: "a worker"
        case .worker(let name): "`\(name)`"
        }
    }
}
