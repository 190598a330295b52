/// What a relay does to the bytes that it carries. Changes apply to the connections there are.
struct RelaySettings: Sendable {
    /// One direction of the link, shared by all connections.
    struct Link: Sendable {
        /// One-way, in nanoseconds.
        var delay: UInt64 = 0
        var bitsPerSecond: UInt64?
        var flow = Flow.open
    }

    enum Flow: Sendable {
        case open
        /// Nothing is taken and nothing is delivered; nothing is lost.
        case stalled
        /// Bytes are taken and thrown away, those on their way too.
        case swallowing
    }

    var up = Link()
    var down = Link()
    var isFrozen = false
    var refusesConnections = false
    var cutoff: Relay.Cutoff?
    var isStopping = false

    subscript(direction: Direction) -> Link {
        get { direction == .up ? up : down }
        set { if direction == .up { up = newValue } else { down = newValue } }
    }

    /// What the bytes of a direction meet now.
    func flow(_ direction: Direction) -> Flow { isFrozen ? .stalled : self[direction].flow }

    /// Whether a handshake of TCP could pass, which takes both directions.
    var passesHandshakes: Bool {
        !isFrozen
            && Direction.allCases.allSatisfy {
                if case .open = flow($0) { true } else { false }
            }
    }
}
