/// What is going to happen in a simulation, by virtual time and then by order of arrangement: a
/// binary heap.
struct Agenda {
    private struct Entry {
        var time: Int
        var number: Int
        var action: () -> Void

        func precedes(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : number < other.number
        }
    }

    private var heap: [Entry] = []
    private var nextNumber = 0

    var isEmpty: Bool { heap.isEmpty }

    mutating func add(at time: Int, _ action: @escaping () -> Void) {
        heap.append(Entry(time: time, number: nextNumber, action: action))
        nextNumber += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes what comes next.
    mutating func take() -> (time: Int, action: () -> Void)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.action)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    mutating func removeAll() { heap.removeAll() }
}
