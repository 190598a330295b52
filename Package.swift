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
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZstd"),
        .systemLibrary(name: "CLibUV"),
        .target(name: "JobModel", swiftSettings: strict),
        .target(name: "ByteStream", dependencies: ["CLinux"], swiftSettings: strict),
        .target(
            name: "ContentStore",
            dependencies: [
                "JobModel", "ByteStream", "CLinux", "CZstd",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),
    ]
)
