import Lab

/// The commands by which people and scripts disturb a link, one a line, each with an answer.
enum RelayControl {
    /// Carries out a line and prints the answer.
    static func carryOut(_ line: String, _ relay: Relay) {
        let words = line.split(separator: " ").map(String.init)
        guard !words.isEmpty else { return }
        LabTool.say(carryOut(words, relay) ?? "error: what is \(line)?")
    }

    /// - Returns: the answer, `nil` for a command that there is not.
    private static func carryOut(_ words: [String], _ relay: Relay) -> String? {
        let rest = Array(words.dropFirst())
        switch (words[0], rest.count) {
        case ("freeze", 0): relay.freeze()
        case ("thaw", 0): relay.thaw()
        case ("restore", 0): relay.restore()
        case ("reset", 0): relay.reset()
        case ("count", 0):
            let counts = relay.counts
            return "up \(counts.bytesUp) down \(counts.bytesDown) accepted \(counts.accepted) "
                + "open \(counts.open)"
        case ("cut", 1...3):
            let flags = Set(rest.dropFirst())
            guard let directions = directions(rest[0]), flags.isSubset(of: ["swallow", "refuse"])
            else { return nil }
            relay.cut(
                directions, losing: flags.contains("swallow") ? .swallowed : .none,
                arrivals: flags.contains("refuse") ? .refused : .unanswered)
        case ("delay", 1...2):
            guard let delay = Amounts.duration(rest[0]), let directions = directions(rest.at(1))
            else { return nil }
            relay.setDelay(delay, directions)
        case ("rate", 1...2):
            let rate = Amounts.rate(rest[0])
            guard rate != nil || rest[0] == "off", let directions = directions(rest.at(1))
            else { return nil }
            relay.setRate(bitsPerSecond: rate, directions)
        case ("cutoff", 1...3):
            guard let cutoff = cutoff(rest) else { return nil }
            relay.setCutoff(cutoff)
        default: return nil
        }
        return "ok"
    }

    private static func directions(_ word: String?) -> Directions? {
        switch word {
        case nil, "both": .both
        case "up": .up
        case "down": .down
        default: nil
        }
    }

    /// - Returns: a cutoff, or none for `off`; `nil` for words that mean neither.
    private static func cutoff(_ words: [String]) -> Relay.Cutoff?? {
        if words == ["off"] { return .some(nil) }
        let endings: [String: Relay.Ending] = [
            "close": .close, "reset": .reset, "silence": .silence,
        ]
        let directions: [String: Direction] = ["up": .up, "down": .down]
        guard let bytes = Int(words[0]), bytes >= 0, let direction = words.at(1),
            let direction = directions[direction], let ending = endings[words.at(2) ?? "close"]
        else { return nil }
        return .some(Relay.Cutoff(bytes: bytes, direction: direction, ending: ending))
    }
}

extension Array {
    fileprivate func at(_ index: Int) -> Element? { index < count ? self[index] : nil }
}
