import Foundation
import Testing

/// Directories that hold Shunt's own files: a snapshot of one would grow by itself.
@Suite struct HomeInTreeTests {
    @Test func aDirectoryThatHoldsTheHomeIsRefused() async throws {
        try await ShuntHome.use { home in
            _ = try await home.jobs()
            for directory in [home.base, home.root, "/tmp", "/"] {
                try await refused(home, directory)
            }
        }
    }

    @Test(arguments: ["store", "store/objects", "statcache", "coordinator", "agent"])
    func aPartOfTheHomeIsRefused(_ part: String) async throws {
        try await ShuntHome.use { home in
            // With content in it.
            try home.write("file", "x\n")
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            try await refused(home, home.root + "/" + part)
        }
    }

    @Test func aLinkIntoTheHomeDoesNotHideIt() async throws {
        try await ShuntHome.use { home in
            _ = try await home.jobs()
            let link = home.base + "/link"
            #expect(symlink(home.root + "/store", link) == 0)
            try await refused(home, link)
        }
    }

    @Test func aJobFileBesideTheHomeIsRefusedFromElsewhere() async throws {
        try await ShuntHome.use { home in
            try "run: echo\n".write(
                toFile: home.base + "/job.yaml", atomically: false, encoding: .utf8)
            try await home.expectSubmissionRefused(
                ["-f", "../job.yaml"], code: 5, naming: ["`\(home.base)`"])
        }
    }

    @Test func aRelativeHomeBelowTheDirectoryIsFoundToo() async throws {
        try await ShuntHome.use { home in
            var relative = home
            relative.variables["SHUNT_HOME"] = "home"
            for (command, code) in [("submit", Int32(5)), ("run", 125)] {
                let outcome = try await relative.run([command, "--", "true"], cwd: home.base)
                expectRefused(outcome, code: code, naming: ["`\(home.root)`"])
            }
            // The refusal comes before anything is made.
            #expect(!FileManager.default.fileExists(atPath: home.root))
        }
    }

    private func refused(
        _ home: ShuntHome, _ directory: String, at location: SourceLocation = #_sourceLocation
    ) async throws {
        let jobs = try await home.jobs()
        for (command, code) in [("submit", Int32(5)), ("run", 125)] {
            let outcome = try await home.run([command, "--", "true"], cwd: directory)
            expectRefused(outcome, code: code, naming: ["`\(home.root)`"], at: location)
        }
        #expect(try await home.jobs() == jobs, sourceLocation: location)
    }
}
