import Foundation
import Testing

/// As many files as a data set has.
@Suite struct ManyFilesTests {
    private static let make = """
        import os
        for d in range(400):
            os.makedirs('data/%03d' % d)
            for i in range(500):
                with open('data/%03d/%d' % (d, i), 'w') as f:
                    if i % 10 == 9: f.write(str(i % 100))
        """

    @Test func twoHundredThousandFilesComeThrough() async throws {
        try await ShuntHome.use { home in
            let isMounted = try await mountMemory(home)
            do { try await check(home) } catch {
                if isMounted { await unmount(home) }
                throw error
            }
            if isMounted { await unmount(home) }
        }
    }

    /// Half a million files take a disk minutes to remove, and memory none: where we may mount.
    private func mountMemory(_ home: ShuntHome) async throws -> Bool {
        guard geteuid() == 0 else { return false }
        let mounted = try await home.shell("mount -t tmpfs -o nr_inodes=0 none \(home.base)")
        guard mounted.code == 0 else { return false }
        guard mkdir(home.work, 0o700) == 0 else { throw HarnessError("mkdir", errno) }
        return true
    }

    private func unmount(_ home: ShuntHome) async {
        for process in ProcessTable.processes(naming: home.base) { kill(process.pid, SIGKILL) }
        // A directory that stays mounted is what the removal of the home then tells of.
        _ = try? await home.shell("umount -l \(home.base)", cwd: "/")
    }

    private func check(_ home: ShuntHome) async throws {
        try Self.make.write(
            toFile: home.base + "/make.py", atomically: false, encoding: .utf8)
        let made = try await home.shell("python3 ../make.py")
        try #require(made.code == 0, "\(made.errorText)")
        let count = "find data -type f | wc -l; cat data/*/499 | wc -c"
        let submitted = try await home.run(
            [
                "submit", "-q", "--output", "count.txt", "--", "sh", "-c",
                "{ \(count); } >count.txt",
            ], within: .seconds(120))
        try #require(submitted.code == 0, "\(submitted.errorText)")
        let job = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
        let waited = try await home.run(["wait", job], within: .seconds(120))
        #expect(waited.text == "0\n", "\(waited.errorText)")
        let pulled = try await home.run("pull", "-q", job)
        #expect(pulled.code == 0, "\(pulled.errorText)")
        #expect(try home.read("count.txt") == "200000\n800\n")
    }
}
