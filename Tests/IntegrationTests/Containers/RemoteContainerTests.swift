import Foundation
import Lab
import Testing

/// Containers behind SSH, in an account that is not root: podman's rootless mode, and images that
/// no registry has.
@Suite(
    .serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"), .sharedWorker)
struct RemoteContainerTests {
    private static let shipped = "local:\(TestImage.name)"

    @Test func anImageIsShippedAndOfItsSuccessorTheNewLayerAlone() async throws {
        try await use { lab in
            let successor = "localhost/shunt-test-\(UInt64.random(in: 0...UInt64.max)):2"
            try lab.home.write("mark", "new\n")
            try lab.home.write("Containerfile", "FROM \(TestImage.name)\nCOPY mark /mark\n")
            try await TestImage.shell(
                "podman build --quiet --tag \(successor) '\(lab.home.work)'")
            let first = try await lab.run(
                "sh", "-c", "id -u; echo made >made; echo err >&2; exit 7",
                options: ["-q", "--image", Self.shipped], within: .seconds(300))
            #expect(first.code == 7, "\(first.errorText)")
            #expect(first.text == "0\n")
            #expect(first.errorText.hasPrefix("err\n"), "\(first.errorText)")
            #expect(try lab.home.read("made") == "made\n")
            let whole = try await sent(lab)
            #expect(whole > 10 << 20)
            let second = try await lab.run(
                "cat", "/mark", options: ["-q", "--image", "local:\(successor)"],
                within: .seconds(300))
            #expect(second.text == "new\n", "\(second.errorText)")
            #expect(try await sent(lab) < 1 << 20)
            print("shipped \(whole) bytes, then \(try await sent(lab))")
            try await TestImage.shell("podman rmi --force \(successor)")
            // What the account's engine was given goes with the agent, and files of accounts that
            // there are inside alone.
            let foreign = try await lab.run(
                "sh", "-c", "mkdir d; touch d/f; chown -R 1000:1000 d; chmod 700 d",
                options: ["-q", "--image", Self.shipped])
            #expect(foreign.code == 0, "\(foreign.errorText)")
            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
            let left = try await lab.host.account.shell("podman images --quiet 2>/dev/null")
            #expect(left.code == 0 && left.text.isEmpty, "\(left.text)")
            try await lab.add(lab.name)
        }
    }

    /// Root inside is the account outside.
    @Test func whatAJobWritesBelongsToTheAccount() async throws {
        try await use { lab in
            let id = try await lab.home.submit(
                "sh", "-c", "umask 077; echo secret >made; echo up; sleep 1000",
                options: ["--on", lab.name, "--image", Self.shipped])
            let runs = try await eventually(within: .seconds(300)) {
                try await lab.home.run("logs", id).text == "up\n"
            }
            #expect(runs)
            let found = try await lab.host.account.shell(
                "find . -path '*/tasks/*' -name made -printf '%u %m\\n'")
            #expect(found.text == "\(lab.host.account.name) 600\n")
            #expect(try await lab.home.run("cancel", "--now", id).code == 0)
            #expect(try await lab.home.run("wait", id).text.contains("137"))
            try await expectNoContainers(lab)
        }
    }

    @Test func outputAndExitCodeOutliveTheLossOfAllThatCanBeReplaced() async throws {
        try await use { lab in
            let job = try CountingJob(inContainer: lab.home)
            let run = try await job.start(
                ["--on", lab.name, "--image", Self.shipped], untilLine: 20)
            for word in ["/usr/bin/conmon", "supervise", "daemon"] {
                let pids = lab.host.pids(running: word)
                #expect(!pids.isEmpty, "\(word)")
                for pid in pids { kill(pid, SIGKILL) }
            }
            let outcome = await run.outcome(within: .seconds(120))
            try await job.expectRanOnce(outcome, "everything but init")
            try await expectNoContainers(lab)
        }
    }

    /// What a step of it has started lives in a namespace of the account's own.
    @Test func aBuildThatIsCancelledLeavesNothing() async throws {
        try await use { lab in
            let shipped = try await lab.run(
                "/answer", options: ["-q", "--image", "local:" + TestImage.small()])
            #expect(shipped.text == "42\n", "\(shipped.errorText)")
            // The one that was used last.
            let kept = try JSON(
                parsing: try await lab.home.run(
                    "env", "ls", "--worker", lab.name, "-o", "json"
                ).output)
            let image = try #require(kept[0]["key"].string?.suffix(12))
            let number = "\(UInt64.random(in: 1_000_000...9_000_000))"
            try lab.home.write("Containerfile", "FROM \(image)\nRUN [\"/answer\", \"\(number)\"]\n")
            let id = try await lab.home.submit(
                "true", options: ["--on", lab.name, "--image", "."])
            func isBuilding() -> Bool {
                ProcessTable.processes(naming: "/answer").contains {
                    $0.command == ["/answer", number]
                }
            }
            #expect(await eventually(within: .seconds(60), isBuilding))
            #expect(try await lab.home.run("cancel", "--now", id).code == 0)
            #expect(await eventually(within: .seconds(60)) { !isBuilding() })
            let isEmpty = try await eventually {
                let left = try await lab.host.account.shell(
                    "podman ps --all --external --quiet 2>/dev/null")
                return left.text.isEmpty
            }
            #expect(isEmpty)
        }
    }

    /// Without version 2 of control groups an account that is not root cannot have limits.
    @Test func aLimitThatIsNotKeptIsSaid() async throws {
        try await use { lab in
            let image = "local:" + (try await TestImage.small())
            let outcome = try await lab.run(
                "/answer", options: ["--image", image, "--memory", "64MiB"])
            #expect(outcome.code == 0, "\(outcome.errorText)")
            let hasGroups = FileManager.default.fileExists(
                atPath: "/sys/fs/cgroup/cgroup.controllers")
            let job = try await lab.home.latestJob()
            let shown = try await lab.home.run("inspect", job).text
            let words = "64 MiB of memory (not enforced on this worker)"
            #expect(hasGroups || shown.contains(words), "\(shown)")
        }
    }

    // MARK: The account

    private func use(_ body: (RemoteLab) async throws -> Void) async throws {
        try await TestImage.shared.require()
        try await RemoteLab.shared { lab in
            let directory = lab.host.account.home + "/.config/containers"
            let made = try await lab.host.account.shell("mkdir -p '\(directory)'")
            #expect(made.code == 0)
            _ = try ContainerHome.writeConfiguration(to: directory + "/containers.conf")
            #expect(chmod(directory + "/containers.conf", 0o644) == 0)
            try await body(lab)
        }
    }

    private func sent(_ lab: RemoteLab) async throws -> Int {
        try await lab.home.inspect(lab.home.latestJob())["bytes_sent"].int ?? 0
    }

    private func expectNoContainers(_ lab: RemoteLab) async throws {
        let isEmpty = try await eventually(within: .seconds(60)) {
            try await lab.host.account.shell("podman ps --all --quiet 2>/dev/null").text.isEmpty
        }
        #expect(isEmpty)
    }
}
