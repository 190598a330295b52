/// A first-in-first-out line on one array: taking from the front moves an index, and the array is
/// moved down when half of it is free, so each element costs constant time.
package struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    package init() {}

    package var count: Int { elements.count - head }
    package var isEmpty: Bool { count == 0 }

    package var first: Element? { isEmpty ? nil : elements[head] }
    package var last: Element? { isEmpty ? nil : elements[elements.count - 1] }

    /// Puts an element at the end of the line.
    package mutating func append(_ element: Element) { elements.append(element) }

    /// Changes the first element where it stands; there is one.
    package mutating func updateFirst<Result>(_ body: (inout Element) -> Result) -> Result {
        precondition(!isEmpty, "an empty line has no first element")
        return body(&elements[head]!)
    }

    /// Changes the last element where it stands; there is one.
    package mutating func updateLast<Result>(_ body: (inout Element) -> Result) -> Result {
        precondition(!isEmpty, "an empty line has no last element")
        return body(&elements[elements.count - 1]!)
    }

    /// Takes the first element out; `nil` where there is none.
    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head].take()
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: elements.capacity <= 1024)
            head = 0
        } else if head >= 32, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Takes one out of the middle, in time that grows with the line.
    package mutating func remove(where isWanted: (Element) -> Bool) -> Element? {
        let index = elements[head...].firstIndex { element in element.map(isWanted) ?? false }
        return index.flatMap { elements.remove(at: $0) }
    }

    /// Takes everything, oldest first.
    package mutating func takeAll() -> [Element] {
        let all = elements[head...].compactMap(\.self)
        self = Fifo()
        return all
    }
}

extension Fifo: Sendable where Element: Sendable {}
