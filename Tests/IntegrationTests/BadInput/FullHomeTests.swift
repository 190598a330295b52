import Foundation
import Testing
import Lab

/// A home on a file system that is full: what is told is the space, and the home lives on.
@Suite(.enabled(if: geteuid() == 0, "a file system of its own takes a mount"))
struct FullHomeTests {
    /// Runs a test with its home on a small file system of its own.
    private func withSmallDisk(_ body: (ShuntHome) async throws -> Void) async throws {
        try await ShuntHome.use { home in
            #expect(mkdir(home.root, 0o700) == 0)
            let mounted = try await home.shell(
                "mount -t tmpfs -o size=16m,mode=700 none \(home.root)")
            try #require(mounted.code == 0, "\(mounted.errorText)")
            do { try await body(home) } catch {
                await end(home)
                throw error
            }
            await end(home)
        }
    }

    private func end(_ home: ShuntHome) async {
        for process in ProcessTable.processes(naming: home.base) { kill(process.pid, SIGKILL) }
        // A directory that stays mounted is what the removal of the home then tells of.
        _ = try? await home.shell("umount -l \(home.root)")
    }

    @Test func aSnapshotThatDoesNotFitIsRefusedAndLeavesNothing() async throws {
        try await withSmallDisk { home in
            try home.write("data.bin", Data(count: 24 << 20))
            #expect(try await home.run("ps").code == 0)
            let list = "find objects temporary | sort"
            let before = try await home.shell(list, cwd: home.root + "/store")
            try await home.expectSubmissionRefused(["--", "true"], code: 1, naming: ["space"])
            let after = try await home.shell(list, cwd: home.root + "/store")
            #expect(after.text == before.text)
            unlink(home.path("data.bin"))
            let ran = try await home.run("run", "-q", "--", "echo", "in")
            #expect(ran.text == "in\n", "\(ran.errorText)")
        }
    }

    /// What leads out of a full home is a commit too.
    @Test func aJobOfAFullHomeCanBeCancelled() async throws {
        try await withSmallDisk { home in
            try home.write("file", "x\n")
            let job = try await home.submit("sh", "-c", "while :; do :; done")
            let runs = try await eventually {
                try await home.inspect(job)["phase"].string == "running"
            }
            try #require(runs)
            let filled = try await home.shell("cat /dev/zero >\(home.root)/ballast; true")
            #expect(filled.errorText.contains("space"))
            let cancelled = try await home.run("cancel", job)
            #expect(cancelled.code == 0, "\(cancelled.errorText)")
            // Room for a row, and none for the reserve: what is left is not for new jobs.
            let freed = try await home.shell("truncate -s -512K \(home.root)/ballast")
            #expect(freed.code == 0, "\(freed.errorText)")
            try await home.expectSubmissionRefused(
                ["--", "true"], code: 1, naming: ["space", "ledger.sqlite"])
            unlink(home.root + "/ballast")
            _ = try await home.run("wait", job)
            #expect(try await home.inspect(job)["state"].string == "cancelled")
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            let reserve = home.root + "/coordinator/ledger.sqlite.reserve"
            let size = try FileManager.default.attributesOfItem(atPath: reserve)[.size] as? Int
            #expect(size == 1 << 20)
        }
    }

    /// A job whose row cannot be written was never accepted; the jobs that were, are still there
    /// as soon as there is space again.
    @Test func aLedgerThatCannotGrowRefusesTheJobAndKeepsTheOthers() async throws {
        try await withSmallDisk { home in
            try home.write("file", "x\n")
            #expect(try await home.run("run", "-q", "--name", "kept", "--", "true").code == 0)
            let filled = try await home.shell("cat /dev/zero >\(home.root)/ballast; true")
            #expect(filled.errorText.contains("space"))
            let outcome = try await home.run("submit", "--", "touch", "ran")
            expectRefused(outcome, code: 1, naming: ["space"])
            unlink(home.root + "/ballast")
            let listed = try await home.run("ps", "-a", "-o", "json")
            try #require(listed.code == 0, "\(listed.errorText)")
            let jobs = try JSON(parsing: listed.output).items
            #expect(jobs.map { $0["name"].string } == ["kept"])
            let ran = try await home.run("run", "-q", "--", "echo", "in")
            #expect(ran.text == "in\n", "\(ran.errorText)")
        }
    }
}
