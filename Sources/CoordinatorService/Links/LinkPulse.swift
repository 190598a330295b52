internal import JobModel
internal import Synchronization

/// When something was last heard on a connection. SSH and TCP notice a dead peer after minutes or
/// never, so the connection's life is judged by pings of our own.
final class LinkPulse: Sendable {
    /// Between two pings.
    static let interval = Milliseconds.seconds(5)
    /// Without a word for so long, the worker is shown as silent.
    static let suspectAfter = Milliseconds.seconds(12)
    /// Without a word for so long, the connection is given up and opened anew.
    static let brokenAfter = Milliseconds.seconds(30)

    private let heardAt = Atomic(SteadyTime.current.milliseconds)

    func heard() { heardAt.store(SteadyTime.current.milliseconds, ordering: .relaxed) }

    /// For how long nothing has come.
    var silence: Milliseconds {
        SteadyTime.current - SteadyTime(milliseconds: heardAt.load(ordering: .relaxed))
    }

    /// Sends pings until the connection has to be given up, or the task is cancelled.
    ///
    /// - Parameter onSilence: is told once for each silence, with its length.
    func watch(
        ping: (UInt64) -> Void, onSilence: (Milliseconds) async -> Void
    ) async -> String {
        var number: UInt64 = 0
        var isSilent = false
        while true {
            let before = SteadyTime.current
            do {
                try await Task.sleep(for: .milliseconds(Self.interval.count))
            } catch {
                return "closed"
            }
            // This process did not run, or the machine slept: the silence was ours.
            if SteadyTime.current - before > Milliseconds(2 * Self.interval.count) { heard() }
            number += 1
            ping(number)
            let silence = silence
            if silence >= Self.brokenAfter {
                return "nothing was heard for \(silence.count / 1000) s"
            }
            let isSuspect = silence >= Self.suspectAfter
            if isSuspect, !isSilent { await onSilence(silence) }
            isSilent = isSuspect
        }
    }
}
