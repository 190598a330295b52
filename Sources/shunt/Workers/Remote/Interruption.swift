internal import Dispatch
internal import Glibc
internal import Synchronization

/// Lets work that leaves traces on another machine clear them away where a signal would end this
/// command in the midst of it.
enum Interruption {
    /// Runs a body that leaves half of something where it is cut short: the first SIGINT, SIGHUP or
    /// SIGTERM is only told of, a second one ends this process at once.
    static func finishing<Value: Sendable>(
        onFirst: @escaping @Sendable () -> Void, onEnd: @escaping @Sendable () -> Void,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let first = Mutex(true)
        let numbers = [SIGINT, SIGHUP, SIGTERM].filter { !SignalSubscription.isIgnored($0) }
        let subscription = SignalSubscription(to: numbers) { number in
            let isFirst = first.withLock { first in
                defer { first = false }
                return first
            }
            if isFirst { return onFirst() }
            onEnd()
            _exit(128 + number)
        }
        defer {
            subscription.end()
            for number in numbers { signal(number, SIG_DFL) }
        }
        return try await body()
    }

    /// Runs the body. The first SIGINT, SIGHUP or SIGTERM cancels it, and once it has ended this
    /// process ends as by the signal; a second one ends it at once. A signal that was ignored
    /// before stays ignored.
    ///
    /// - Parameter onEnd: is called before the process ends.
    static func cancelling<Value: Sendable>(
        onEnd: @escaping @Sendable () -> Void, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let work = Task { try await body() }
        let first = Mutex<Int32?>(nil)
        let numbers = [SIGINT, SIGHUP, SIGTERM].filter { !SignalSubscription.isIgnored($0) }
        let subscription = SignalSubscription(to: numbers) { number in
            let isSecond = first.withLock { first in
                defer { first = first ?? number }
                return first != nil
            }
            guard isSecond else { return work.cancel() }
            onEnd()
            _exit(128 + number)
        }
        let result = await work.result
        subscription.end()
        for number in numbers { signal(number, SIG_DFL) }
        if let number = first.withLock({ $0 }) {
            onEnd()
            _exit(128 + number)
        }
        return try result.get()
    }
}
