import Foundation
import Testing

/// A socket directory under `/tmp` that somebody else made first.
@Suite struct SocketDirectoryTests {
    private static let commands: [([String], Int32)] = [
        (["ps"], 5), (["submit", "--", "touch", "ran"], 5), (["run", "--", "touch", "ran"], 125),
        (["coordinator", "serve"], 5), (["coordinator", "status"], 5), (["worker", "ls"], 5),
    ]

    /// Puts something in the place of the socket directory and expects that every command refuses
    /// it and leaves it as it is.
    private func expectRefusedByAll(
        naming names: [String], at location: SourceLocation = #_sourceLocation,
        _ make: (ShuntHome, String) async throws -> Void
    ) async throws {
        try await ShuntHome.use { home in
            let path = home.runtimeDirectory
            defer { unlink(path) }
            try await make(home, path)
            let before = try await home.listing(home.work)
            let look = "ls -ldn --time-style=full-iso '\(path)' && ls -An '\(path)/'"
            let directory = try await home.shell(look).text
            for (words, code) in Self.commands {
                let outcome = try await home.run(words)
                expectRefused(
                    outcome, code: code, naming: ["`\(path)`"] + names, at: location)
            }
            #expect(try await home.shell(look).text == directory, sourceLocation: location)
            #expect(try await home.listing(home.work) == before, sourceLocation: location)
            #expect(
                ProcessTable.processes(naming: home.base).isEmpty, sourceLocation: location)
        }
    }

    @Test(.enabled(if: geteuid() == 0, OtherAccount.reason))
    func oneThatBelongsToAnotherAccountIsRefused() async throws {
        try await expectRefusedByAll(naming: ["\(OtherAccount.id)"]) { _, path in
            #expect(mkdir(path, 0o700) == 0)
            #expect(chown(path, OtherAccount.id, OtherAccount.id) == 0)
        }
    }

    @Test func aLinkToADirectoryOfOursIsRefused() async throws {
        try await expectRefusedByAll(naming: []) { home, path in
            let target = home.base + "/elsewhere"
            #expect(mkdir(target, 0o700) == 0)
            #expect(symlink(target, path) == 0)
        }
    }

    @Test func aFileInItsPlaceIsRefused() async throws {
        try await expectRefusedByAll(naming: ["in the way"]) { _, path in
            #expect(FileManager.default.createFile(atPath: path, contents: Data("x".utf8)))
        }
    }

    @Test(arguments: [mode_t(0o777), 0o755, 0o710, 0o701])
    func oneThatOthersMayEnterIsRefused(_ mode: mode_t) async throws {
        try await expectRefusedByAll(naming: ["others"]) { _, path in
            #expect(mkdir(path, 0o700) == 0)
            #expect(chmod(path, mode) == 0)
        }
    }

    @Test func theHintOfAnOpenOneMendsIt() async throws {
        try await ShuntHome.use { home in
            #expect(mkdir(home.runtimeDirectory, 0o700) == 0)
            #expect(chmod(home.runtimeDirectory, 0o755) == 0)
            let refused = try await home.run("ps")
            let hint = refused.errorLines.last { $0.hasPrefix("hint: ") } ?? ""
            #expect(try await home.shell(String(hint.dropFirst(6))).code == 0)
            #expect(try await home.run("ps").code == 0)
        }
    }
}
