import Foundation
import Testing
import Lab

/// A disk that is full when the outputs of a job are to be stored, or the coordinator has something
/// to write down.
@Suite struct FullDiskTests {
    /// The agent's home is a small file system that the job fills before it ends.
    @Test(.enabled(if: geteuid() == 0, "a file system of its own takes a mount"))
    func collectionWaitsForSpaceAndThenFinishes() async throws {
        try await onSmallDisk("SHUNT_AGENT_HOME") { try await fill($0, $1) }
    }

    private func fill(_ home: ShuntHome, _ disk: String) async throws {
        let id = try await home.submit(
            "sh", "-c",
            "head -c 6000000 /dev/urandom >model; cat /dev/zero >\(disk)/ballast 2>/dev/null; "
                + "exit 0")
        let says = try await eventually(within: .seconds(40)) {
            let view = try await home.inspect(id)
            return view["phase"].string == "collecting" && view["activity"].string != nil
        }
        let view = try await home.inspect(id)
        #expect(says, "\(view)")
        #expect(view["exit_code"].int == nil)
        #expect(view["activity"].string?.contains("space") == true, "\(view["activity"])")
        unlink(disk + "/ballast")
        let waited = try await home.run(["wait", id], within: .seconds(60))
        #expect(waited.code == 0, "\(waited.text) \(waited.errorText)")
        #expect(try await home.run("pull", id).code == 0)
        let size = try Data(contentsOf: URL(fileURLWithPath: home.path("model"))).count
        #expect(size == 6_000_000)
    }

    /// The whole home is on a small file system that something else fills.
    @Test(.enabled(if: geteuid() == 0, "a file system of its own takes a mount"))
    func aFullDiskTakesNoNewJobAndKeepsTheOldOnes() async throws {
        try await onSmallDisk("SHUNT_HOME") { try await fillUnderTheLedger($0, $1) }
    }

    private func fillUnderTheLedger(_ home: ShuntHome, _ disk: String) async throws {
        let gate = home.base + "/gate"
        let started = home.base + "/started"
        let id = try await home.submit(
            "sh", "-c", "touch \(started); until test -e \(gate); do sleep 0.05; done; exit 3")
        // One that is still being staged would fail on the full disk, and rightly.
        #expect(await eventually { FileManager.default.fileExists(atPath: started) })
        _ = try await home.shell("cat /dev/zero >\(disk)/ballast 2>/dev/null")
        let refused = try await home.run("submit", "-q", "--", "true")
        #expect(refused.code == 1, "\(refused.errorText)")
        #expect(refused.text.isEmpty)
        #expect(refused.errorText.contains("no space is left for the ledger"))
        #expect(refused.errorText.contains("\nhint: df -h"))
        // The coordinator's start is a commit too, which takes its space from the reserve.
        home.kill9([.coordinator])
        let still = try await home.run("ps", "-o", "json")
        #expect(try JSON(parsing: still.output)[0]["id"].string == id, "\(still.errorText)")
        unlink(disk + "/ballast")
        let listed = try await home.run("ps", "-a", "-o", "json")
        #expect(listed.code == 0, "\(listed.errorText)")
        try Data().write(to: URL(fileURLWithPath: gate))
        // What the job was told before, it is asked for after: one job, which ran once.
        let waited = try await home.run("wait", id)
        #expect(waited.text.contains("3"), "\(waited.text) \(waited.errorText)")
        #expect(try await home.run("logs", id).code == 0)
    }

    /// Gives a test a home of which a part, the one that `variable` names, is on 24 MiB.
    private func onSmallDisk(
        _ variable: String, _ body: @Sendable (ShuntHome, _ disk: String) async throws -> Void
    ) async throws {
        try await ShuntHome.use { home in
            let disk = home.base + "/disk"
            mkdir(disk, 0o700)
            let mounted = try await home.shell("mount -t tmpfs -o size=24m none \(disk)")
            try #require(mounted.code == 0, "\(mounted.errorText)")
            var small = home
            small.variables[variable] = disk + "/home"
            do {
                try await body(small, disk)
            } catch {
                await unmount(home, disk)
                throw error
            }
            await unmount(home, disk)
        }
    }

    private func unmount(_ home: ShuntHome, _ disk: String) async {
        _ = await home.kill9Everything()
        // A directory that stays mounted is what the removal of the home then tells of.
        _ = try? await home.shell("umount -l \(disk)")
    }
}
