/// Where everything of one Shunt instance is, computed from the environment and nothing else.
/// Nothing here touches a disk: `HomeDirectory` creates the directories and verifies their owners.
///
/// | path | what |
/// |---|---|
/// | `ROOT/store/` | the content store that CLI, coordinator and local agent share |
/// | `ROOT/statcache/` | the stat cache of each directory that was snapshotted |
/// | `ROOT/wheels/` | which wheels were fetched for a list of requirements |
/// | `ROOT/coordinator/` | ledger, log and lock of the coordinator |
/// | `ROOT/config.yaml` | what a person has set once for all commands |
/// | `ROOT/known_hosts` | host keys of workers that a person vouched for |
/// | `ROOT/agent/` | the directory of the local worker's agent |
/// | `/tmp/shunt-UID-HASH/` | sockets: a path of at most 107 bytes, on no network file system |
///
/// ROOT is `SHUNT_HOME` where that is set, else `$XDG_DATA_HOME/shunt/MACHINE`, else
/// `~/.local/share/shunt/MACHINE`: homes are often shared over NFS, so the default one is keyed by
/// machine. HASH comes from ROOT and the machine, so that no two instances share a socket.
package struct HomeLayout: Hashable, Sendable {
    /// Absolute, without a trailing slash.
    package let root: String
    /// Holds the sockets; 0700.
    package let runtimeDirectory: String

    /// - Parameters:
    ///   - root: the canonical path: two spellings of one directory must give one layout.
    ///   - machine: what names this machine, see ``MachineKey``.
    package init(root: String, userID: UInt32, machine: MachineKey) {
        self.root = root
        let hash = StableHash.hex(of: "\(root)\u{0}\(machine.text)")
        runtimeDirectory = "/tmp/shunt-\(userID)-\(hash)"
    }

    package var storeDirectory: String { root + "/store" }
    package var statCacheDirectory: String { root + "/statcache" }
    package var wheelDirectory: String { root + "/wheels" }
    package var coordinatorDirectory: String { root + "/coordinator" }
    package var agentDirectory: String { root + "/agent" }

    /// What a person has set once for all commands.
    package var configurationFile: String { root + "/config.yaml" }
    /// Host keys of workers that a person vouched for, beside those that the account knows.
    package var knownHostsFile: String { root + "/known_hosts" }
    package var ledgerFile: String { coordinatorDirectory + "/ledger.sqlite" }
    package var coordinatorLog: String { coordinatorDirectory + "/coordinator.log" }
    /// Held for the life of a coordinator, taken before its socket is bound.
    package var coordinatorLock: String { coordinatorDirectory + "/lock" }

    package var coordinatorSocket: String { runtimeDirectory + "/coordinator.sock" }
    package var agentSocket: String { runtimeDirectory + "/agent.sock" }
}

/// The variables of the environment that say where the home is, as they were read.
package struct HomeVariables: Hashable, Sendable {
    /// `SHUNT_HOME`; an empty value counts as unset, as XDG wants it.
    package var shuntHome: String?
    /// `XDG_DATA_HOME`; ignored unless absolute, as XDG wants it.
    package var dataHome: String?
    /// `HOME`.
    package var home: String?
    /// What a relative `SHUNT_HOME` is relative to; absolute.
    package var workingDirectory: String

    package init(
        shuntHome: String? = nil, dataHome: String? = nil, home: String? = nil,
        workingDirectory: String
    ) {
        self.shuntHome = shuntHome
        self.dataHome = dataHome
        self.home = home
        self.workingDirectory = workingDirectory
    }

    /// A hint where no directory of the account can be had; it has to do without `HOME`.
    package static let otherPlace = "SHUNT_HOME=/var/tmp/shunt shunt ps"

    /// The root that these variables ask for, not yet canonical.
    ///
    /// - Throws: ``ShuntError`` with `usage` where none of them says.
    package func root(machine: MachineKey) throws(ShuntError) -> String {
        if let shuntHome, !shuntHome.isEmpty {
            return shuntHome.hasPrefix("/") ? shuntHome : workingDirectory + "/" + shuntHome
        }
        if let dataHome, dataHome.hasPrefix("/") {
            return dataHome + "/shunt/" + machine.directoryName
        }
        guard let home, home.hasPrefix("/") else {
            throw ShuntError(
                .usage, "there is no place for shunt's files: `HOME` is not set",
                hint: Self.otherPlace)
        }
        return home + "/.local/share/shunt/" + machine.directoryName
    }
}

/// What tells this machine from others that see the same file system: its machine ID, or its host
/// name where it has none.
package struct MachineKey: Hashable, Sendable {
    package let text: String

    package init(machineID: String?, hostName: String) {
        if let machineID, !machineID.isEmpty {
            text = machineID
        } else {
            text = "host:" + hostName
        }
    }

    /// Sixteen hexadecimal digits.
    package var directoryName: String { StableHash.hex(of: text) }
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo): the same in every process and release, unlike `Hasher`.
/// It keeps directories apart and protects nothing: what stands in the directories is verified.
package enum StableHash {
    /// FNV-1a of 64 bits, in 16 hexadecimal digits.
    package static func hex(of text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
