import Foundation
import Testing

/// Files and directories that the account may not read.
@Suite(.enabled(if: geteuid() == 0, OtherAccount.reason))
struct UnreadableTreeTests {
    /// Makes a tree, spoils it, and expects the refusal of `submit` and `run`.
    private func expectUnreadable(
        _ spoil: String, path: String, hint: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        try await ShuntHome.use { home in
            let account = try OtherAccount(home)
            defer { account.removeSockets() }
            try #require(try await account.shell("shunt --version").code == 0)
            let made = try await account.shell("mkdir -p sub/dir && echo x >sub/dir/file; \(spoil)")
            #expect(made.code == 0, "\(made.errorText)", sourceLocation: location)
            let files = try await home.listing(home.work)
            for (command, code) in [("submit", Int32(1)), ("run", 125), ("run --dry-run", 125)] {
                let outcome = try await account.shell("shunt \(command) -- true")
                expectRefused(
                    outcome, code: code, naming: ["`\(home.path(path))`", "permission denied"],
                    at: location)
            }
            let listed = try await account.shell("shunt ps -a -o json").output
            #expect(try JSON(parsing: listed) == .list([]), sourceLocation: location)
            #expect(try await home.listing(home.work) == files, sourceLocation: location)
            // The hint is the remedy: run as it is, it lets the job through.
            let refused = try await account.shell("shunt submit -- true")
            let said = refused.errorLines.last { $0.hasPrefix("hint: ") } ?? ""
            let mended = try await account.shell(String(said.dropFirst(6)))
            #expect(mended.code == 0, "\(mended.errorText)", sourceLocation: location)
            let through = try await account.shell("shunt run -q -- cat sub/dir/file")
            #expect(through.text == "x\n", "\(through.errorText)", sourceLocation: location)
        }
    }

    @Test func anUnreadableFileIsRefusedAndItsHintMendsIt() async throws {
        try await expectUnreadable("chmod 000 sub/dir/file", path: "sub/dir/file")
    }

    @Test func anUnreadableDirectoryIsRefusedAndItsHintMendsIt() async throws {
        try await expectUnreadable("chmod 000 sub/dir", path: "sub/dir")
    }

    @Test func aDirectoryThatCanBeListedAndNotEnteredIsRefused() async throws {
        try await expectUnreadable("chmod 400 sub/dir", path: "sub/dir/file")
    }

    @Test func aNameThatAShellWouldTakeApartIsQuotedInTheHint() async throws {
        let name = "it's $HOME; rm"
        try await expectUnreadable(
            "echo y >\"it's \\$HOME; rm\" && chmod 000 \"it's \\$HOME; rm\"", path: name)
    }

    @Test func anUnreadableFileThatIsIgnoredIsNoObstacle() async throws {
        try await ShuntHome.use { home in
            let account = try OtherAccount(home)
            defer { account.removeSockets() }
            let outcome = try await account.shell(
                "echo secret >.shuntignore; mkdir secret; chmod 000 secret; "
                    + "shunt run -q -- ls -A")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == ".shuntignore\n")
        }
    }

    @Test func anUnreadableJobFileIsRefused() async throws {
        try await ShuntHome.use { home in
            let account = try OtherAccount(home)
            defer { account.removeSockets() }
            for (command, code) in [("submit", Int32(1)), ("run", 125)] {
                let outcome = try await account.shell(
                    "echo 'run: echo' >job.yaml; chmod 000 job.yaml; shunt \(command); "
                        + "code=$?; rm -f job.yaml; exit $code")
                expectRefused(outcome, code: code, naming: ["`job.yaml`"])
            }
        }
    }

    @Test func aHomeOfAnotherAccountIsRefused() async throws {
        try await ShuntHome.use { home in
            let account = try OtherAccount(home)
            defer { account.removeSockets() }
            #expect(mkdir(home.root, 0o755) == 0)
            let outcome = try await account.shell("shunt submit -- true")
            expectRefused(outcome, code: 5, naming: ["`\(home.root)`", "user \(geteuid())"])
            #expect(try await home.listing(home.root).split(separator: "\n").count == 1)
        }
    }
}
