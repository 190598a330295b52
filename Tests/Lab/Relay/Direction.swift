/// Where bytes of a relayed connection go: up from the client to the target, down from the target
/// to the client.
package enum Direction: Sendable, Hashable, CaseIterable {
    case up, down
}

/// One direction or both.
package struct Directions: OptionSet, Sendable, Hashable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let up = Directions(rawValue: 1)
    package static let down = Directions(rawValue: 2)
    package static let both: Directions = [.up, .down]

    func contains(_ direction: Direction) -> Bool {
        contains(direction == .up ? Directions.up : .down)
    }
}
