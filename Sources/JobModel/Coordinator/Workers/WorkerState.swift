/// What a coordinator knows of a worker at the moment. Nothing of it is durable: it is asked for
/// again at every connection.
package struct WorkerState: Hashable, Sendable {
    package internal(set) var record: WorkerRecord
    package internal(set) var link: LinkState
    /// Counts connections within this epoch, and their ends: the number of one that has ended is
    /// never the present one again.
    package internal(set) var session: UInt64 = 0
    /// The fence of the open control stream; `nil` while there is none.
    package internal(set) var fence: Fence?
    package internal(set) var welcome: Welcome?
    /// What this coordinator's unfinished tasks hold there.
    package internal(set) var reserved = Resources.none
    /// Trees that are being pushed there now.
    var pushes: [TreeReference] = []
    /// Tasks whose secrets are being handed over there now.
    var handings: [StartToken] = []

    package var name: WorkerName { record.name }

    init(record: WorkerRecord, since: WallTime) {
        self.record = record
        link = .unreachable(since: since, reason: "")
    }

    /// By tree, what would have to be sent; within the present session.
    var locality: [TreeReference: Locality] = [:]
    /// The keys of ``locality``, oldest first.
    var localityOrder: [TreeReference] = []

    /// What other coordinators' tasks hold there, as the agent said last.
    var foreignUse = Resources.none
    /// Of what the agent said last, within the present session.
    var foreignUseVersion: UInt64 = 0

    /// Whether jobs can be placed there at all.
    package var takesJobs: Bool { link.isConnected && !record.isDrained }

    /// What can be placed there now.
    package var free: Resources {
        guard let welcome, link.isConnected else { return .none }
        return welcome.capacity - foreignUse - reserved
    }
}
