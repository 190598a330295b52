/// Which coordinator speaks: 128 random bits drawn once for a home, 32 hexadecimal digits.
package struct CoordinatorID: TextIdentifier {
    package let text: String

    package init?(_ text: String) {
        guard HexIdentifier.accepts(text) else { return nil }
        self.text = text
    }

    package init(high: UInt64, low: UInt64) { text = HexIdentifier.text(high, low) }
}

/// Which agent speaks: 128 random bits drawn once for an agent's directory.
package struct AgentID: TextIdentifier {
    package let text: String

    package init?(_ text: String) {
        guard HexIdentifier.accepts(text) else { return nil }
        self.text = text
    }

    package init(high: UInt64, low: UInt64) { text = HexIdentifier.text(high, low) }
}

private enum HexIdentifier {
    static func accepts(_ text: String) -> Bool {
        text.utf8.count == 32
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"):
                    true
                default: false
                }
            }
    }

    static func text(_ high: UInt64, _ low: UInt64) -> String {
        [high, low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

/// Fences a coordinator's sessions against each other: `epoch` grows at every start of that
/// coordinator, `session` with every connection that it opens within an epoch. An agent makes the
/// highest pair that it has seen durable and refuses anything that arrives under a lower one, so
/// what it then reports as unknown can never arrive late and run.
package struct Fence: Hashable, Sendable, Codable, Comparable {
    package var epoch: UInt64
    package var session: UInt64

    package init(epoch: UInt64, session: UInt64) {
        self.epoch = epoch
        self.session = session
    }

    package static func < (left: Fence, right: Fence) -> Bool {
        left.epoch != right.epoch ? left.epoch < right.epoch : left.session < right.session
    }
}

/// What makes a `Start` idempotent: the same token never starts a second process.
package struct StartToken: Hashable, Sendable, Codable, CustomStringConvertible {
    package var coordinator: CoordinatorID
    package var epoch: UInt64
    package var task: TaskID
    package var nonce: UInt64

    package init(coordinator: CoordinatorID, epoch: UInt64, task: TaskID, nonce: UInt64) {
        self.coordinator = coordinator
        self.epoch = epoch
        self.task = task
        self.nonce = nonce
    }

    package var description: String {
        "\(coordinator)/\(epoch)/\(task)/\(String(nonce, radix: 16))"
    }
}

/// What together says that a machine is still the one on which a task was started. Containers
/// restart under the boot ID of their host and cloned images share machine IDs, so no single one
/// of these is enough.
package struct MachineIncarnation: Hashable, Sendable, Codable {
    package var machineID: String
    package var hostName: String
    package var bootID: String
    /// Start time of PID 1 in clock ticks since boot.
    package var initStartTicks: UInt64
    /// Inode of the PID namespace.
    package var pidNamespace: UInt64

    package init(
        machineID: String, hostName: String, bootID: String, initStartTicks: UInt64,
        pidNamespace: UInt64
    ) {
        self.machineID = machineID
        self.hostName = hostName
        self.bootID = bootID
        self.initStartTicks = initStartTicks
        self.pidNamespace = pidNamespace
    }

    enum CodingKeys: String, CodingKey {
        case machineID = "machine_id"
        case hostName = "host_name"
        case bootID = "boot_id"
        case initStartTicks = "init_start_ticks"
        case pidNamespace = "pid_namespace"
    }
}
