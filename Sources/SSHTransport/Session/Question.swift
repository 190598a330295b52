internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// Asks the caller something from the connection's thread, and waits as long as a person takes.
enum Question {
    /// - Throws: ``SSHError/stopped``.
    static func answer<Answer: Sendable>(
        _ stop: StopSign, _ ask: @escaping @Sendable () async -> Answer
    ) throws(SSHError) -> Answer {
        let box = Promise<Answer>()
        let sign: WakeDescriptor
        do {
            sign = try WakeDescriptor()
        } catch {
            throw .ofSystem(error)
        }
        let task = Task {
            box.fulfil(await ask())
            sign.wakePump()
        }
        // Nobody's patience but the server's ends it, and that is seen on the next call.
        let patience = Patience(until: .now + .seconds(3600), stop: stop)
        guard case .ready = patience.wait(for: sign.raw, POLLIN), let answer = box.current else {
            task.cancel()
            throw .stopped
        }
        return answer
    }
}
