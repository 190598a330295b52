/// Which of the jobs that wait comes first; of equal ones the earlier submission does.
package enum Priority: String, Sendable, Codable, CaseIterable {
    case low
    case normal
    case high
}

extension Priority: Comparable {
    private var tier: Int {
        switch self {
        case .low: 0
        case .normal: 1
        case .high: 2
        }
    }

    package static func < (left: Priority, right: Priority) -> Bool { left.tier < right.tier }
}
