import Foundation
import Testing
import Lab

/// What a job asked for is also the most that it gets, where its account may have that enforced.
@Suite(.enabled(if: LimitGroups.areWritable, "root, and controllers that it may use"))
struct LimitTests {
    private static let hog = ["python3", "-c", "x = bytearray(400 << 20)"]

    @Test func aJobThatTakesTooMuchMemoryEndsAsOutOfMemory() async throws {
        try await ShuntHome.use { home in
            let hog = try await home.run(["run", "-q", "--memory", "100MiB", "--"] + Self.hog)
            #expect(hog.code == 137)
            #expect(hog.errorText.contains("out of memory"), "\(hog.errorText)")
            #expect(hog.errorText.contains("100 MiB"))
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["cause"].string == "oom")
            #expect(view["memory_enforced"] == .bool(true))
            #expect(try await LimitGroups.paths(of: try await home.latestJob(), home).isEmpty)
        }
    }

    /// A shell may go on after what it started was killed.
    @Test func aProcessThatWasKilledForMemoryIsToldBesideASuccess() async throws {
        try await ShuntHome.use { home in
            let line = "python3 -c 'x = bytearray(400 << 20)'; echo went on"
            let outcome = try await home.run(
                "run", "-q", "--memory", "100MiB", "--", "sh", "-c", line)
            // Where the kernel ends the whole group (cgroup v2), the shell does not go on.
            if outcome.code == 0 {
                #expect(outcome.text == "went on\n")
                #expect(outcome.errorText.contains("too much memory"), "\(outcome.errorText)")
            } else {
                #expect(outcome.errorText.contains("out of memory"), "\(outcome.errorText)")
            }
        }
    }

    @Test func aJobGetsNoMoreOfTheProcessorsThanItAskedFor() async throws {
        try await ShuntHome.use { home in
            try home.write(
                "spin.py",
                """
                import time
                begin = time.monotonic()
                while time.monotonic() - begin < 2: pass
                print(time.process_time() / (time.monotonic() - begin))
                """)
            let outcome = try await home.run(
                "run", "-q", "--cpus", "0.25", "--", "python3", "spin.py")
            let share = try #require(
                Double(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(share < 0.35, "of one processor, with room for a quota at each end")
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["cpu_enforced"] == .bool(true))
            #expect(view["memory_enforced"] == .null)
        }
    }

    @Test func whoAsksForNothingIsHeldToNothing() async throws {
        try await ShuntHome.use { home in
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            let job = try await home.latestJob()
            let view = try await home.inspect(job)
            #expect(view["cpu_enforced"] == .null && view["memory_enforced"] == .null)
            #expect(try await !home.run("inspect", job).text.contains("limits"))
        }
    }

    @Test func aKilledInitLeavesNoGroupBehind() async throws {
        try await ShuntHome.use { home in
            let job = try await home.submit(
                "sleep", "600", options: ["--memory", "100MiB", "--cpus", "1"])
            let runs = try await eventually {
                try await home.inspect(job)["phase"].string == "running"
            }
            try #require(runs)
            #expect(try await !LimitGroups.paths(of: job, home).isEmpty)
            for process in ProcessTable.processes(naming: home.base)
            where process.command.first?.hasSuffix("/shunt-init") == true {
                kill(process.pid, SIGKILL)
            }
            _ = try await home.run("wait", job)
            #expect(try await home.inspect(job)["state"].string == "lost")
            #expect(try await LimitGroups.paths(of: job, home).isEmpty)
        }
    }
}

/// The control groups by which limits are enforced.
private enum LimitGroups {
    static var areWritable: Bool {
        let files = ["memory/memory.limit_in_bytes", "cgroup.subtree_control"]
        return geteuid() == 0 && files.contains { access("/sys/fs/cgroup/" + $0, W_OK) == 0 }
    }

    /// Those that bear a job's ID.
    static func paths(of job: String, _ home: ShuntHome) async throws -> [Substring] {
        try await home.shell("find /sys/fs/cgroup -type d -name 'shunt-\(job).*'").text
            .split(separator: "\n")
    }
}
