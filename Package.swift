// swift-tools-version: 6.2
import PackageDescription

/// Flags of every Swift target: Swift 6 mode, explicit imports, and no warning survives.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "shunt",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf.git", exact: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1",
            traits: []),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
    ],
    targets: [
        // The order of docs/architecture.md: a target imports only what stands above it.
        .systemLibrary(name: "CLibSSH"),
        .systemLibrary(name: "CLibUV"),
        .systemLibrary(name: "CNettle"),
        .systemLibrary(name: "CZstd"),
        .systemLibrary(name: "CLinux"),
        .executableTarget(
            name: "shunt-init", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .target(name: "JobModel", swiftSettings: strict),
        .target(name: "ByteStream", dependencies: ["CLinux"], swiftSettings: strict),
        .target(
            name: "UVLoop", dependencies: ["CLibUV", "ByteStream"],
            swiftSettings: strict),
        .target(
            name: "Wire",
            dependencies: [
                "JobModel", "ByteStream",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["Protocol/shunt.proto"], swiftSettings: strict),
        .target(
            name: "ContentStore", dependencies: ["JobModel", "CLinux", "CNettle"],
            swiftSettings: strict),
        .target(
            name: "Transfer",
            dependencies: ["ContentStore", "Wire", "JobModel", "ByteStream", "CZstd"],
            swiftSettings: strict),
        .target(
            name: "SecretStore", dependencies: ["JobModel", "CLinux"], swiftSettings: strict),
        .target(
            name: "SSHTransport", dependencies: ["CLibSSH", "ByteStream", "CLinux"],
            swiftSettings: strict),
        .target(
            name: "Ledger",
            dependencies: ["JobModel", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "AgentService",
            dependencies: [
                "JobModel", "UVLoop", "Wire", "Transfer", "ContentStore", "SecretStore",
                "ByteStream", "CLinux",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "CoordinatorService",
            dependencies: [
                "JobModel", "Wire", "Transfer", "ContentStore", "SecretStore", "SSHTransport",
                "Ledger", "ByteStream", "CLinux",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "CoordinatorClient",
            dependencies: [
                "JobModel", "CLinux",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "shunt",
            dependencies: [
                "JobModel", "ByteStream", "ContentStore", "SSHTransport", "CoordinatorClient",
                "CoordinatorService", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "shunt-agent", dependencies: ["AgentService"], swiftSettings: strict),

        // Runs a program as a kernel would that lacks the newer system calls.
        .executableTarget(
            name: "old-kernel", path: "Tests/OldKernel",
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        // Machines behind SSH and links between them, for tests, and as a program for people.
        .target(
            name: "Lab", dependencies: ["ByteStream", "CLinux"], path: "Tests/Lab",
            swiftSettings: strict),
        .executableTarget(
            name: "lab", dependencies: ["Lab", "CLinux"], path: "Tests/LabTool",
            swiftSettings: strict),
        .executableTarget(
            name: "ssh-stream-bench", dependencies: ["SSHTransport", "ByteStream"],
            path: "Tests/Benchmarks/SSHStreamBench", swiftSettings: strict),
        .target(
            name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests", dependencies: ["Lab"], swiftSettings: strict),
        .testTarget(name: "JobModelTests", dependencies: ["JobModel"], swiftSettings: strict),
        .testTarget(name: "SimulationTests", dependencies: ["JobModel"], swiftSettings: strict),
        .testTarget(
            name: "ByteStreamTests", dependencies: ["TestSupport", "ByteStream"],
            swiftSettings: strict),
        .testTarget(
            name: "UVLoopTests", dependencies: ["TestSupport", "UVLoop", "ByteStream"],
            swiftSettings: strict),
        .testTarget(
            name: "WireTests",
            dependencies: [
                "TestSupport",
                "Wire", "JobModel", "ByteStream",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "TransferTests",
            dependencies: [
                "TestSupport", "Transfer", "Wire", "ContentStore", "JobModel", "ByteStream",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SSHTransportTests", dependencies: ["TestSupport", "SSHTransport", "ByteStream"],
            swiftSettings: strict),
        .testTarget(
            name: "ContentStoreTests", dependencies: ["ContentStore", "JobModel", "CLinux"],
            swiftSettings: strict),
        .testTarget(
            name: "ScanTests", dependencies: ["ContentStore", "JobModel"], swiftSettings: strict),
        .testTarget(
            name: "SupervisionTests",
            dependencies: [
                "AgentService", "ContentStore", "SecretStore", "JobModel", "ByteStream", "CLinux",
                "shunt-agent", "shunt-init", "old-kernel",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LabTests", dependencies: ["TestSupport", "Lab", "CLinux", "lab"],
            swiftSettings: strict),
        .testTarget(
            name: "CommandTests",
            dependencies: ["JobModel", "ContentStore", "CoordinatorClient", "shunt"],
            swiftSettings: strict),
    ]
)
