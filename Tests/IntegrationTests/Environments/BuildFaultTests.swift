import Foundation
import Lab
import Testing

/// Builds of environments that something happens to.
@Suite struct BuildFaultTests {
    /// Its setup says that it has begun, and goes on when it is let.
    private static func write(_ home: ShuntHome) throws {
        try home.write("requirements.txt", "# nothing\n")
        try home.write(
            "job.yaml",
            """
            run: echo $VIRTUAL_ENV
            environment:
              python: requirements.txt
              setup:
                - echo begun >>\(home.base)/begun
                - while [ ! -e \(home.base)/go ]; do sleep 0.05; done
                - echo done >>\(home.base)/done
            """)
    }

    private static func lines(_ home: ShuntHome, _ name: String) -> Int {
        // Before the first line there is no file.
        let text = (try? String(contentsOfFile: home.base + "/" + name, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").count
    }

    /// Both jobs wait for one build when the agent is killed, and its installer is left running.
    @Test func twoJobsOfOneBuildGetItThoughTheAgentIsKilled() async throws {
        try await ShuntHome.use { home in
            try Self.write(home)
            var jobs: [String] = []
            for _ in 0..<2 {
                let submitted = try await home.run("submit", "-f", "job.yaml", "--cpus", "0.1")
                try #require(submitted.code == 0, "\(submitted.errorText)")
                let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
                let builds = try await eventually(within: .seconds(60)) {
                    try await home.inspect(id)["activity"].string == "building the environment"
                }
                #expect(builds)
                jobs.append(id)
            }
            #expect(await eventually(within: .seconds(60)) { Self.lines(home, "begun") == 1 })
            #expect(home.kill9([.agent]) == 1)
            #expect(await eventually(within: .seconds(60)) { Self.lines(home, "begun") == 2 })
            try Data().write(to: URL(fileURLWithPath: home.base + "/go"))
            var texts: Set<String> = []
            for id in jobs {
                let waited = try await home.run(["wait", id], within: .seconds(60))
                #expect(waited.text == "0\n", "\(waited.errorText)")
                texts.insert(try await home.run("logs", id).text)
            }
            #expect(texts.count == 1, "\(texts)")
            // The first installer was ended, not let go on beside the second.
            #expect(Self.lines(home, "done") == 1)
            let builds = try FileManager.default.contentsOfDirectory(
                atPath: home.root + "/agent/environments/builds")
            #expect(builds.filter { !$0.hasSuffix(".log") }.count == 1, "\(builds)")
        }
    }

    /// Whoever waits for a build whose installer was killed hears of it, and the next one builds.
    @Test func aKilledInstallerFailsTheJobAndTheNextOneBuildsAnew() async throws {
        try await ShuntHome.use { home in
            try Self.write(home)
            let run = try home.start(["run", "-f", "job.yaml"])
            #expect(await eventually(within: .seconds(60)) { Self.lines(home, "begun") == 1 })
            let found = try await home.shell("pgrep -f 'setup[.]sh' | head -1")
            let pid = try #require(
                pid_t(found.text.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(try await home.shell("cat /proc/\(pid)/environ").text.contains(home.base))
            kill(pid, SIGKILL)
            let failed = await run.outcome(within: .seconds(60))
            #expect(failed.code == 125)
            #expect(failed.errorText.contains("environment failed"), "\(failed.errorText)")
            try Data().write(to: URL(fileURLWithPath: home.base + "/go"))
            let next = try await home.run(["run", "-f", "job.yaml"], within: .seconds(60))
            #expect(next.code == 0, "\(next.errorText)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "a file system of its own takes a mount"))
    func aDiskThatFillsUpDuringABuildIsSaidAndNothingStays() async throws {
        try await ShuntHome.use { shared in
            let disk = shared.base + "/disk"
            mkdir(disk, 0o700)
            let mounted = try await shared.shell("mount -t tmpfs -o size=64m none \(disk)")
            try #require(mounted.code == 0, "\(mounted.errorText)")
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = disk + "/home"
            do {
                try await Self.fill(home, disk)
            } catch {
                await Self.unmount(home, disk)
                throw error
            }
            await Self.unmount(home, disk)
        }
    }

    private static func fill(_ home: ShuntHome, _ disk: String) async throws {
        try home.write("requirements.txt", "# nothing\n")
        try home.write(
            "job.yaml",
            """
            run: echo $VIRTUAL_ENV
            environment:
              python: requirements.txt
              setup: "head -c 100000000 /dev/zero >large"
            """)
        let failed = try await home.run(["run", "-f", "job.yaml"], within: .seconds(120))
        #expect(failed.code == 125)
        #expect(failed.errorText.contains("no space is left"), "\(failed.errorText)")
        #expect(failed.errorText.contains("\nhint: "), "\(failed.errorText)")
        let left = try FileManager.default.contentsOfDirectory(
            atPath: disk + "/home/environments/builds")
        #expect(left.filter { !$0.hasSuffix(".log") }.isEmpty, "\(left)")
        // And there is room for what fits.
        try home.write(
            "job.yaml", "run: echo $VIRTUAL_ENV\nenvironment: {python: requirements.txt}\n")
        let next = try await home.run(["run", "-f", "job.yaml"], within: .seconds(120))
        #expect(next.text.hasPrefix(disk), "\(next.errorText)")
    }

    private static func unmount(_ home: ShuntHome, _ disk: String) async {
        _ = await home.kill9Everything()
        // A mount that stays is the next look's to find; the test has said what it had to.
        _ = try? await home.shell("umount -l \(disk)")
    }
}
