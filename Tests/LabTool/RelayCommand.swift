import Lab

/// `lab relay`: a link that people and scripts disturb by commands on standard input.
struct RelayCommand {
    private let listen: Endpoint
    private let target: Endpoint
    private let delay: Duration
    private let rate: Int?

    init(_ arguments: inout Arguments) throws {
        let given = try arguments.takeOptions(["--listen", "--to", "--delay", "--rate"])
        guard let listen = try given.read("--listen", { Endpoint($0) }),
            let target = try given.read("--to", { Endpoint($0) })
        else { throw UsageError("--listen and --to are missing") }
        self.listen = listen
        self.target = target
        delay = try given.read("--delay", Amounts.duration) ?? .zero
        rate = try given.read("--rate", Amounts.rate)
    }

    func run(until ending: Ending) throws {
        let relay = try Relay(listeningOn: listen, to: target)
        defer { relay.stop() }
        relay.setDelay(delay)
        relay.setRate(bitsPerSecond: rate)
        LabTool.say("ready \(relay.endpoint.port)")
        ending.forEachLine { RelayControl.carryOut($0, relay) }
    }
}
