/// What each target of `Sources` may import: the order of the rows is the order of the targets,
/// and a row names only targets that stand above it. `docs/architecture.md` shows the same table.
enum ImportTable {
    struct Row {
        var target: String
        /// Targets of ours.
        var targets: [String]
        /// Products of packages, and modules of the toolchain that not every target may use.
        var modules: [String]

        init(_ target: String, _ targets: [String] = [], _ modules: [String] = []) {
            self.target = target
            self.targets = targets
            self.modules = modules
        }
    }

    static let rows = [
        Row("CLibSSH"),
        Row("CLibUV"),
        Row("CNettle"),
        Row("CZstd"),
        Row("CLinux"),
        Row("shunt-init"),
        Row("JobModel"),
        Row("ByteStream", ["CLinux"]),
        Row("UVLoop", ["CLibUV", "ByteStream"]),
        Row("Wire", ["JobModel", "ByteStream"], ["SwiftProtobuf"]),
        Row("ContentStore", ["CLinux", "CNettle", "JobModel"]),
        Row("Transfer", ["CZstd", "JobModel", "ByteStream", "Wire", "ContentStore"]),
        Row("SecretStore", ["CLinux", "JobModel"]),
        Row("SSHTransport", ["CLibSSH", "CLinux", "ByteStream"]),
        Row("Ledger", ["JobModel"], ["Foundation", "GRDB"]),
        Row(
            "AgentService",
            [
                "CLinux", "JobModel", "ByteStream", "UVLoop", "Wire", "ContentStore", "Transfer",
                "SecretStore",
            ], ["Logging"]),
        Row(
            "CoordinatorService",
            [
                "CLinux", "JobModel", "ByteStream", "Wire", "ContentStore", "Transfer",
                "SecretStore", "SSHTransport", "Ledger",
            ],
            [
                "Dispatch", "Foundation", "HTTPTypes", "Hummingbird", "Logging", "NIOCore",
                "ServiceLifecycle", "UnixSignals",
            ]),
        Row(
            "CoordinatorClient", ["CLinux", "JobModel"],
            ["Dispatch", "FoundationEssentials", "NIOCore", "NIOHTTP1", "NIOPosix"]),
        Row(
            "shunt",
            [
                "CLinux", "JobModel", "ByteStream", "ContentStore", "SSHTransport",
                "CoordinatorService", "CoordinatorClient",
            ],
            ["ArgumentParser", "Dispatch", "FoundationEssentials", "Logging", "Yams"]),
        Row("shunt-agent", ["AgentService"]),
    ]

    /// Every target with code in Swift may use these but ``pure``, which has the standard library
    /// alone.
    static let everywhere: Set<String> = ["Glibc", "Synchronization"]
    static let pure = "JobModel"

    /// Of the toolchain: no dependency of a target names them.
    static let toolchain: Set<String> = everywhere.union(
        ["Dispatch", "Foundation", "FoundationEssentials", "Testing"])

    /// What an agent must do without: it is one static executable of a few megabytes.
    static let notInAgent: Set<String> = ["Foundation", "FoundationEssentials", "Dispatch"]
}
