@testable import JobModel

/// One control stream between a coordinator and an agent, as unreliable as the seed wants it.
///
/// A lost message breaks the stream, and each side learns of it at a time of its own: until then
/// what is under way still arrives, also at a side that has long taken another stream. That is
/// more than TCP would do to us, and what fences are for.
final class Connection {
    unowned let world: Simulation
    let id: ConnectionID
    let fence: Fence
    let machine: Machine
    let coordinator: CoordinatorLife
    /// The life of the agent that took the stream.
    private(set) var agent: AgentLife?
    private(set) var isBroken = false
    var isWelcomed = false
    /// What overtook the welcome; a stream would deliver it behind.
    var early: [AgentMessage] = []

    init(
        world: Simulation, id: ConnectionID, fence: Fence, machine: Machine,
        coordinator: CoordinatorLife
    ) {
        self.world = world
        self.id = id
        self.fence = fence
        self.machine = machine
        self.coordinator = coordinator
    }

    private func latency() -> Int {
        let usual = world.random.within(1...40)
        let late = world.random.within(500...9000)
        return world.random.happens(world.faults.delay) ? late : usual
    }

    /// Carries the hello to whoever listens on the machine when it arrives.
    func open() {
        if dropsMessage() { return }
        world.after(latency()) { [self] in
            guard let listening = machine.agent else {
                breakOff()
                return
            }
            agent = listening
            listening.accept(self)
        }
    }

    /// Whether what is sent now gets lost; if so, the stream breaks a while later.
    private func dropsMessage() -> Bool {
        if isBroken { return true }
        guard world.random.happens(world.faults.loss) else { return false }
        world.counters[.losses] += 1
        world.after(0...3000) { [self] in breakOff() }
        return true
    }

    private func carry(_ deliver: @escaping () -> Void) {
        if dropsMessage() { return }
        world.after(latency(), deliver)
        if world.random.happens(world.faults.duplication) { world.after(latency(), deliver) }
    }

    func toAgent(_ message: CoordinatorMessage) {
        carry { [self] in agent?.receive(message, on: self) }
    }

    func toCoordinator(_ welcome: Welcome) {
        carry { [self] in coordinator.link(machine.name)?.welcomed(self, welcome) }
    }

    func toCoordinator(_ message: AgentMessage) {
        carry { [self] in coordinator.link(machine.name)?.received(self, message) }
    }

    func reject() {
        world.counters[.staleHellos] += 1
        breakOff()
    }

    /// The stream is cut; both sides learn of it, each at its time.
    func breakOff() {
        guard !isBroken else { return }
        isBroken = true
        world.after(0...1500) { [self] in coordinator.link(machine.name)?.broke(self) }
        world.after(0...1500) { [self] in agent?.post(.disconnected(id)) }
    }
}
