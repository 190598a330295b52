/// Where one task of a gang can be reached, before anybody has tried.
package struct GangEndpoint: Hashable, Sendable {
    /// IP addresses of its machine, the likeliest first; at most ``GangLimits/addresses``.
    package var addresses: [String]
    /// A port that is free on it, and that its agent answers on until the command starts.
    package var port: UInt16

    package init(addresses: [String], port: UInt16) {
        self.addresses = addresses
        self.port = port
    }
}

extension GangEndpoint {
    /// Whether a text can be an IP address, of either version, without a zone.
    package static func isAddress(_ text: String) -> Bool {
        (2...45).contains(text.utf8.count)
            && text.utf8.allSatisfy { unit in
                switch unit {
                case UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                    UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}

/// What a gang's tasks need to know of each other before their commands start: the same for all of
/// one attempt, and durable before the first of them is told.
package struct Rendezvous: Hashable, Sendable, Codable {
    /// By rank: where all others reach it.
    package var addresses: [String]
    /// Free on rank 0 when it was chosen.
    package var port: UInt16

    package init(addresses: [String], port: UInt16) {
        self.addresses = addresses
        self.port = port
    }
}

/// Asks one task's agent which of the others it reaches.
package struct ReachQuestion: Hashable, Sendable {
    package var token: StartToken
    /// Comes back with the answer; an answer to an earlier question is old news.
    package var round: UInt64
    package var targets: [Target]

    package init(token: StartToken, round: UInt64, targets: [Target]) {
        self.token = token
        self.round = round
        self.targets = targets
    }

    /// One of the others.
    package struct Target: Hashable, Sendable {
        /// Whom to expect there: other machines have the same private addresses.
        package var token: StartToken
        package var endpoint: GangEndpoint

        package init(token: StartToken, endpoint: GangEndpoint) {
            self.token = token
            self.endpoint = endpoint
        }
    }
}

/// What an agent found out about a ``ReachQuestion``.
package struct ReachAnswer: Hashable, Sendable {
    package var token: StartToken
    package var round: UInt64
    /// In the order of the question: the addresses at which the task answered.
    package var reached: [[String]]
    /// What was in the way of the first one that did not answer at all, for people.
    package var problem: String?

    package init(token: StartToken, round: UInt64, reached: [[String]], problem: String? = nil) {
        self.token = token
        self.round = round
        self.reached = reached
        self.problem = problem
    }
}

/// What a ``ReachAnswer`` of each task says of them all.
struct ReachTable {
    let endpoints: [GangEndpoint]
    /// By rank; `nil` where there is no answer yet.
    var answers: [ReachAnswer?]

    init(endpoints: [GangEndpoint]) {
        self.endpoints = endpoints
        answers = endpoints.map { _ in nil }
    }

    var isComplete: Bool { answers.allSatisfy { $0 != nil } }

    enum Decision: Hashable {
        case meet(Rendezvous)
        /// - `from` does not reach `to` at any address.
        case unreachable(from: Int, to: Int, problem: String?)
        /// Each reaches it somewhere, and not all at one address.
        case divided(to: Int)
    }

    /// For each rank the first of its addresses at which all others reach it.
    ///
    /// - Precondition: ``isComplete``.
    func decide() -> Decision {
        var addresses: [String] = []
        for rank in endpoints.indices {
            let others = endpoints.indices.filter { $0 != rank }
            for other in others where reached(rank, from: other).isEmpty {
                return .unreachable(from: other, to: rank, problem: answers[other]?.problem)
            }
            let common = endpoints[rank].addresses.first { address in
                others.allSatisfy { reached(rank, from: $0).contains(address) }
            }
            guard let common else { return .divided(to: rank) }
            addresses.append(common)
        }
        return .meet(Rendezvous(addresses: addresses, port: endpoints[0].port))
    }

    /// Targets are asked for in the order of ranks, without the one that asks.
    private func reached(_ rank: Int, from other: Int) -> [String] {
        let index = rank < other ? rank : rank - 1
        guard let reached = answers[other]?.reached, reached.indices.contains(index) else {
            return []
        }
        return reached[index]
    }
}
