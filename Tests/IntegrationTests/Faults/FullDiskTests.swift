import Foundation
import Testing

/// A disk that is full when the outputs of a job are to be stored.
@Suite struct FullDiskTests {
    /// The agent's home is a small file system that the job fills before it ends.
    @Test(.enabled(if: geteuid() == 0, "a file system of its own takes a mount"))
    func collectionWaitsForSpaceAndThenFinishes() async throws {
        try await ShuntHome.use { home in
            let disk = home.base + "/disk"
            mkdir(disk, 0o700)
            let mounted = try await home.shell("mount -t tmpfs -o size=24m none \(disk)")
            try #require(mounted.code == 0, "\(mounted.errorText)")
            var small = home
            small.variables["SHUNT_AGENT_HOME"] = disk + "/agent"
            do {
                try await fill(small, disk)
            } catch {
                await unmount(home, disk)
                throw error
            }
            await unmount(home, disk)
        }
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

    private func unmount(_ home: ShuntHome, _ disk: String) async {
        _ = await home.kill9Everything()
        // A directory that stays mounted is what the removal of the home then tells of.
        _ = try? await home.shell("umount -l \(disk)")
    }
}
