import Foundation
import Testing

/// The checkout that this test was compiled from, read once for all rules.
///
/// What is generated (`*.pb.swift`) is left out, for no person reads it. A file that is not UTF-8
/// fails the test that first looks, with its name.
struct Checkout {
    /// The folder of `Package.swift`.
    let root: URL
    /// Swift files below `Sources` and `Tests`, sorted by path, without generated ones.
    let swift: [SourceFile]
    /// C sources and headers of the same folders.
    let c: [SourceFile]
    /// The targets that `Package.swift` declares, in its order.
    let targets: [Target]

    private static let loaded = Result { try Checkout(root: location) }
    static var current: Checkout { get throws { try loaded.get() } }

    /// `#filePath` may lead through a symbolic link.
    private static var location: URL {
        URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    init(root: URL) throws {
        self.root = root
        let paths = try ["Sources", "Tests"].flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
                .map { "\(folder)/\($0)" }
        }.sorted()
        func load(_ suffixes: [String], _ language: Language) throws -> [SourceFile] {
            try paths.filter { path in
                suffixes.contains(where: path.hasSuffix) && !path.hasSuffix(".pb.swift")
            }.map { path in
                let bytes = try Data(contentsOf: root.appending(path: path))
                return try SourceFile(path: path, bytes: Array(bytes), language: language)
            }
        }
        swift = try load([".swift"], .swift)
        c = try load([".c", ".h"], .c)
        let manifest = try Data(contentsOf: root.appending(path: "Package.swift"))
        targets = try Target.all(inManifest: Array(manifest))
    }

    /// The text of a file that is not source.
    func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The Swift files of a target.
    func files(of target: Target) -> [SourceFile] {
        swift.filter { $0.path.hasPrefix(target.path + "/") }
    }

    /// The paths that git tracks; nil where there is no repository, as in an exported tree.
    func tracked() throws -> [String]? {
        guard FileManager.default.fileExists(atPath: root.appending(path: ".git").path) else {
            return nil
        }
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        // A checkout may belong to another account than the one that tests it.
        git.arguments = [
            "git", "-c", "safe.directory=*", "-C", root.path, "ls-files", "-z",
        ]
        let output = Pipe()
        git.standardOutput = output
        try git.run()
        let listing = try output.fileHandleForReading.readToEnd() ?? Data()
        git.waitUntilExit()
        try #require(git.terminationStatus == 0, "git ls-files failed")
        return listing.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// A place that breaks a rule.
struct Finding: Equatable {
    var path: String
    var line: Int
    var message: String
}

/// One issue for each finding, so that a run names all that is to mend.
func expectNone(_ findings: [Finding]) {
    for finding in findings {
        Issue.record("\(finding.path):\(finding.line): \(finding.message)")
    }
}
