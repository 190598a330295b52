internal import Synchronization

/// A number that several threads of a test share.
final class Counter: Sendable {
    private let number: Atomic<Int>

    init(_ number: Int = 0) { self.number = Atomic(number) }

    var value: Int {
        get { number.load(ordering: .sequentiallyConsistent) }
        set { number.store(newValue, ordering: .sequentiallyConsistent) }
    }

    func increment() { number.add(1, ordering: .sequentiallyConsistent) }
}
