@testable import JobModel

/// A coordinator's connections to one worker: a control stream that is opened again whenever it
/// breaks, and transfers beside it. Decides nothing.
final class WorkerLink {
    let machine: Machine
    private let coordinator: CoordinatorLife
    private unowned let world: Simulation
    private(set) var current: Connection?
    private static let handshakeLimit = 5000

    init(machine: Machine, coordinator: CoordinatorLife) {
        self.machine = machine
        self.coordinator = coordinator
        world = machine.world
    }

    /// Asks the core for a fence.
    func connect() {
        coordinator.post(.connecting(machine.name))
    }

    /// The core's answer to `connecting`.
    func open(_ fence: Fence) {
        let connection = Connection(
            world: world, id: world.nextConnection(), fence: fence, machine: machine,
            coordinator: coordinator)
        current = connection
        connection.open()
        world.after(Self.handshakeLimit) { [self] in
            if current === connection, !connection.isWelcomed { drop("the handshake timed out") }
        }
    }

    /// A welcome has come; a second copy, or one for a stream that was given up, is passed on too,
    /// which no stream would do.
    func welcomed(_ connection: Connection, _ welcome: Welcome) {
        guard connection === current || world.random.happens(500) else { return }
        connection.isWelcomed = true
        coordinator.post(.connected(machine.name, connection.fence, welcome))
        for message in connection.early {
            coordinator.post(.message(machine.name, connection.fence, message))
        }
        connection.early = []
    }

    func received(_ connection: Connection, _ message: AgentMessage) {
        if connection.isWelcomed {
            coordinator.post(.message(machine.name, connection.fence, message))
        } else {
            connection.early.append(message)
        }
    }

    func broke(_ connection: Connection) {
        if current === connection { drop("the connection was reset") }
    }

    private func drop(_ reason: String) {
        guard let connection = current else { return }
        current = nil
        connection.breakOff()
        coordinator.post(
            .disconnected(machine.name, connection.fence, reason: reason, login: nil))
        world.after(50...2000) { [self] in connect() }
    }

    func send(_ message: CoordinatorMessage, under fence: Fence) {
        guard let connection = current, connection.fence == fence, connection.isWelcomed else {
            return
        }
        connection.toAgent(message)
    }

    func push(_ tree: TreeReference, for token: StartToken) {
        transfer { [self] isWhole in
            let fails = world.random.happens(world.faults.failure)
            if isWhole, !fails { machine.put(tree) }
            world.counters[.pushes] += 1
            let failure: TransferFailure? =
                isWhole ? (fails ? .impossible("a file has changed") : nil) : .interrupted
            coordinator.post(
                .pushed(
                    machine.name, token, tree, bytesSent: ByteCount(isWhole ? 1000 : 10),
                    failure: failure))
        }
    }

    func handSecrets(_ names: [String], of token: StartToken, isThere: Bool) {
        transfer { [self] isWhole in
            var failure: TransferFailure?
            if !isThere {
                failure = .impossible("its secrets are gone")
            } else if !isWhole || machine.agent == nil {
                failure = .interrupted
            } else if !machine.keepSecrets(names, of: token) {
                failure = .impossible("the task does not wait for secrets")
            }
            world.counters[.handedSecrets] += failure == nil ? 1 : 0
            world.after(failure == .interrupted ? 1000 : 0) { [self] in
                coordinator.post(.secretsHanded(machine.name, token, failure: failure))
            }
        }
    }

    /// Answers late, without knowing, or never.
    func measure(_ tree: TreeReference, under fence: Fence) {
        transfer { [self] isWhole in
            guard !world.random.happens(world.faults.failure) else { return }
            let missing = machine.has(tree) ? ByteCount.zero : ByteCount(1000)
            coordinator.post(
                .measured(machine.name, fence, tree, missing: isWhole ? missing : nil))
        }
    }

    func fetch(_ job: JobID, _ tree: TreeReference) {
        transfer { [self] isWhole in
            coordinator.post(.fetched(job, tree, failure: isWhole ? nil : .interrupted))
        }
    }

    /// Moves content over a bulk stream, which breaks with the control stream, or alone.
    private func transfer(_ ending: @escaping (Bool) -> Void) {
        let connection = current
        let breaks = world.random.happens(world.faults.bulkBreak)
        world.after(world.random.pick([10, 100, 1500])) { [self] in
            let isWhole = !breaks && connection?.isBroken == false
            if !isWhole { world.counters[.brokenTransfers] += 1 }
            ending(isWhole)
        }
    }
}
