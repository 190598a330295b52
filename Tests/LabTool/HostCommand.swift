import Lab

/// `lab host`: a worker with an account of its own, as tests have it.
struct HostCommand {
    private var options: LabHost.Options
    private let delay: Duration
    private let rate: Int?

    init(_ arguments: inout Arguments) throws {
        let given = try arguments.takeOptions([
            "--address", "--alias", "--shell", "--option", "--delay", "--rate",
        ])
        options = LabHost.Options(
            alias: given.last("--alias") ?? "lab", address: try given.required("--address"))
        options.shell = given.last("--shell") ?? options.shell
        options.server.lines = given.all("--option")
        delay = try given.read("--delay", Amounts.duration) ?? .zero
        rate = try given.read("--rate", Amounts.rate)
    }

    func run(until ending: Ending) throws {
        let host = try LabHost(options)
        host.relay.setDelay(delay)
        host.relay.setRate(bitsPerSecond: rate)
        LabTool.say(host.configFile)
        LabTool.say("ready \(host.endpoint.port)")
        ending.forEachLine { RelayControl.carryOut($0, host.relay) }
        try host.stop()
    }
}
