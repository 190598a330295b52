import Foundation
import Lab
import Testing

/// `worker add`, and what becomes of what it puts on a bare account.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason))
struct EnrolmentTests {
    /// Known to nobody: neither the person's record of hosts nor Shunt's has its key.
    private func stranger(_ lab: RemoteLab) throws {
        var entry = lab.host.entry
        entry.knownHostsFile = lab.home.base + "/nobody-known"
        try lab.configure([entry.adding("StrictHostKeyChecking ask")])
    }

    @Test func anUnknownHostKeyIsTakenOnlyWhenSomebodyVouchesForIt() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            try stranger(lab)
            let fingerprint = try lab.host.server.hostKeys[0].fingerprint()
            let other = "SHA256:" + String(repeating: "A", count: 43)
            let before = try await lab.host.homeListing()

            let unasked = try await lab.home.run("worker", "add", lab.name)
            expectRefused(unasked, code: 5, naming: [fingerprint])
            let wrong = try await lab.home.run("worker", "add", lab.name, "--host-key", other)
            expectRefused(wrong, code: 5, naming: [fingerprint, other])
            #expect(try await lab.worker() == .null)
            #expect(try await lab.host.homeListing() == before)
            #expect(lab.host.account.processes.isEmpty)

            let words = [
                "worker", "add", lab.name, "--host-key", fingerprint, "--label", "gpu=a100",
                "--label", "room=3",
            ]
            let right = try await lab.home.run(words)
            #expect(right.code == 0, "\(right.errorText)")
            for part in ["linux", lab.host.account.name, "connected", "gpu=a100", "python"] {
                #expect(right.text.contains(part), "\(part): \(right.text)")
            }
            let worker = try await lab.worker()
            #expect(worker["connected"] == .bool(true))
            #expect(worker["labels"].items.count == 2, "\(worker)")
            // The person's own record stays as it was.
            #expect(!FileManager.default.fileExists(atPath: lab.home.base + "/nobody-known"))
            // From now on it is known.
            #expect(try await lab.home.run("worker", "add", lab.name).code == 0)
            let ran = try await lab.run("id", "-un", options: ["-q"])
            #expect(ran.text == lab.host.account.name + "\n", "\(ran.errorText)")
        }
    }

    @Test func aPersonAtATerminalIsAskedAboutAnUnknownHostKey() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            try stranger(lab)
            let question = "Is that the right one?"
            let no = try await Terminal.run(
                lab.home, ["worker", "add", lab.name], after: question, typing: "n\n")
            #expect(no.code == 5, "\(no.text)")
            #expect(no.text.contains(try lab.host.server.hostKeys[0].fingerprint()))
            #expect(try await lab.worker() == .null)
            let yes = try await Terminal.run(
                lab.home, ["worker", "add", lab.name], after: question, typing: "y\n")
            #expect(yes.code == 0, "\(yes.text)")
            #expect(try await lab.worker()["connected"] == .bool(true))
        }
    }

    @Test func anUpgradeLeavesTheRunningJobUntouched() async throws {
        try await RemoteLab.use { lab in
            var job = try lab.countingJob()
            // Longer than an upgrade takes on a busy machine.
            job.lines = 1500
            let run = try await job.start(["--on", lab.name], untilLine: 5)
            let old = lab.host.agentPids
            let command = lab.host.pids(running: "count.py")
            #expect(old.count == 1 && !command.isEmpty)

            // An executable with bytes behind its end runs as before, under another digest.
            let release = lab.home.base + "/release"
            let upgraded = try await lab.home.shell(
                """
                set -e
                here=$(dirname "$(command -v shunt)"); here=$(cd "$here" && pwd -P)
                mkdir -p \(release)/bin \(release)/libexec
                ln "$here/shunt" \(release)/bin/ || cp "$here/shunt" \(release)/bin/
                cp -r "$here/../libexec/shunt" \(release)/libexec/shunt
                for agent in $(ls -d \(release)/libexec/shunt/shunt-agent-* | grep -v gz$)
                do echo more >>"$agent"; done
                \(release)/bin/shunt worker add \(lab.name)
                """)
            #expect(upgraded.code == 0, "\(upgraded.errorText)")
            let new = lab.host.agentPids
            #expect(new.count == 1 && new != old)
            #expect(lab.host.pids(running: "count.py") == command)
            #expect(!run.hasEnded)
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, "across an upgrade")

            // Both programs are there; the next upload clears away what nobody runs any more.
            let bin = try #require(try await lab.worker()["directory"].string) + "/bin"
            let programs = Set(directories(in: bin))
            #expect(programs.count == 2)
            let again = try await lab.home.shell(
                """
                for agent in $(ls -d \(release)/libexec/shunt/shunt-agent-* | grep -v gz$)
                do echo more >>"$agent"; done
                \(release)/bin/shunt worker add \(lab.name)
                """)
            #expect(again.code == 0, "\(again.errorText)")
            let left = directories(in: bin)
            #expect(left.count == 2 && programs.intersection(left).count == 1, "\(left)")
        }
    }

    @Test func aCheckSaysWhatIsWrongAndHowToMendIt() async throws {
        try await RemoteLab.use { lab in
            let good = try await lab.home.run("worker", "check", lab.name)
            #expect(good.code == 0, "\(good.text)\(good.errorText)")
            #expect(!good.text.contains("wrong"), "\(good.text)")

            let directory = try #require(try await lab.worker()["directory"].string)
            for agent in try await lab.host.account.shell("ls -d \(directory)/bin/*/*").text
                .split(separator: "\n")
            {
                #expect(rename(String(agent), agent + ".away") == 0)
            }
            let broken = try await lab.home.run("worker", "check", lab.name)
            #expect(broken.code == 1)
            #expect(broken.text.contains("agent") && broken.text.contains("wrong"))
            #expect(
                broken.text.contains("hint: shunt worker add \(lab.name)"), "\(broken.text)")
            try await lab.add(lab.name)
            #expect(try await lab.home.run("worker", "check", lab.name).code == 0)
            for pid in lab.host.agentPids { kill(pid, SIGSTOP) }
            let stopped = try await lab.home.run("worker", "check", lab.name)
            for pid in lab.host.agentPids { kill(pid, SIGCONT) }
            #expect(stopped.code == 1)
            #expect(stopped.text.contains("wrong: the agent (process"), "\(stopped.text)")
            // There, not here.
            #expect(stopped.text.contains(" \(lab.name) 'kill -CONT "), "\(stopped.text)")

            lab.host.relay.cut(arrivals: .refused)
            let cut = try await lab.home.run("worker", "check", lab.name)
            #expect(cut.code == 1)
            #expect(cut.text.contains("login") && cut.text.contains("hint: "), "\(cut.text)")
            let unknown = try await lab.home.run("worker", "check", "nobody")
            expectRefused(unknown, code: 3, naming: ["nobody", lab.name])
        }
    }

    @Test func whatIsNotSaidAgainStaysAsItIs() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let home = try await lab.host.account.shell("pwd").text
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let before = try await lab.host.homeListing()
            let directory = home + "/deep/er/agent"
            try await lab.add(
                lab.name, "--dir", directory + "/", "--label", "gpu=a100", "--transport",
                "openssh")
            let first = try await lab.worker()
            try await lab.add(lab.name)
            let again = try await lab.worker()
            for key in ["directory", "labels", "address"] {
                #expect(again[key] == first[key], "\(key)")
            }
            #expect(again["directory"].string == directory)
            #expect(lab.host.agentPids.count == 1)

            let elsewhere = try await lab.home.run(
                "worker", "add", lab.name, "--dir", home + "/other")
            expectRefused(elsewhere, code: 5, naming: [directory, "left behind"])

            // Another name for the same agent would drive the links of both away.
            let twice = try await lab.home.run(
                "worker", "add", "twin", lab.name, "--dir", directory)
            expectRefused(twice, code: 5, naming: ["twin", lab.name])
            #expect(try await lab.worker()["connected"] == .bool(true))

            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
            #expect(try await lab.host.homeListing() == before)
        }
    }

    /// A purge removes the agent's directory: nothing of a person's may be in it.
    @Test func aDirectoryOfAPersonsIsNotTaken() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let account = lab.host.account
            let home = try await account.shell("pwd").text
                .trimmingCharacters(in: .whitespacesAndNewlines)
            // Names that an agent's directory has too, and links through which one could write.
            let prepared = try await account.shell(
                """
                mkdir -p thesis empty probed named/bin
                echo words >thesis/text; echo precious >precious; ln -s ../precious probed/.probe
                echo mine >named/machine; echo tool >named/bin/tool
                mkdir -m 777 open; chmod 777 open
                """)
            try #require(prepared.code == 0, "\(prepared.errorText)")
            let listing = "find . -type f -exec sha256sum {} + ; find . -printf '%T@ %m %l %p\\n'"
            let before = try await account.shell("(\(listing)) | LC_ALL=C sort").text
            for name in ["/thesis", "", "/probed", "/named"] {
                let refused = try await lab.home.run(
                    "worker", "add", lab.name, "--dir", home + name)
                expectRefused(refused, code: 5, naming: [home + name, "of its own"])
            }
            expectRefused(
                try await lab.home.run("worker", "add", lab.name, "--dir", home + "/open"),
                code: 5, naming: ["other accounts may write"])
            #expect(try await account.shell("(\(listing)) | LC_ALL=C sort").text == before)

            try await lab.add(lab.name, "--dir", home + "/empty")
            let within = try await lab.home.run(
                "worker", "add", "other", lab.name, "--dir", home + "/empty/tasks/x")
            expectRefused(within, code: 5, naming: ["within that of another agent"])
            _ = try await account.shell("mkdir empty/tasks; ln -s empty/tasks shortcut")
            let through = try await lab.home.run(
                "worker", "add", "other", lab.name, "--dir", home + "/shortcut/x")
            expectRefused(through, code: 5, naming: ["within that of another agent"])
            let mode = try await account.shell("stat -c %a empty; rm shortcut")
            #expect(mode.text == "700\n")
            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
            #expect(
                try await account.shell("ls -A empty; find . -name machine").text
                    == "./named/machine\n")
        }
    }

    /// What an attempt that is cut short has made goes with the purge of the next.
    @Test func anAttemptThatIsCutShortLeavesNothingInTheEnd() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let before = try await lab.host.homeListing()
            let adding = try lab.home.start(["worker", "add", lab.name])
            let begun = await eventually {
                Files.exists(lab.host.account.home + "/.local/share/shunt-agent")
                    || adding.hasEnded
            }
            #expect(begun)
            adding.signal(SIGKILL)
            _ = await adding.outcome()
            try await lab.add(lab.name)
            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
            #expect(try await lab.host.homeListing() == before)
        }
    }

    @Test func anAttemptThatIsInterruptedLeavesNothing() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let before = try await lab.host.homeListing()
            // The programs are on their way for many seconds.
            lab.host.relay.setRate(bitsPerSecond: 8_000_000, .up)
            let adding = try lab.home.start(["worker", "add", lab.name])
            let begun = try await eventually {
                try await lab.host.homeListing().contains("/bin/.new-") || adding.hasEnded
            }
            #expect(begun)
            adding.signal(SIGINT)
            let outcome = await adding.outcome()
            #expect(outcome.code == 128 + SIGINT, "\(outcome.errorText)")
            #expect(try await lab.host.homeListing() == before)
            #expect(try await lab.worker() == .null)
        }
    }

    /// A second try must not take the absence of `attach` for that of the agent.
    @Test func anAgentThatDoesNotEndIsNotPurgedAroundIt() async throws {
        try await RemoteLab.use { lab in
            let pids = lab.host.agentPids
            for pid in pids { kill(pid, SIGSTOP) }
            for _ in 0..<2 {
                let refused = try await lab.home.run("worker", "rm", lab.name, "--purge")
                expectRefused(refused, code: 1, naming: ["does not end"])
                #expect(refused.errorText.contains(" \(lab.name) 'kill -9 "))
                #expect(lab.host.agentPids == pids)
            }
            for pid in pids { kill(pid, SIGCONT) }
            try await lab.add(lab.name)
            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
        }
    }

    @Test func aPurgeThatIsInterruptedGoesOnToItsEnd() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let before = try await lab.host.homeListing()
            try await lab.add(lab.name)
            // Between the end of the agent and that of its directory.
            lab.host.relay.setDelay(.milliseconds(100), .up)
            let purging = try lab.home.start(["worker", "rm", lab.name, "--purge"])
            let begun = await eventually { lab.host.agentPids.isEmpty || purging.hasEnded }
            #expect(begun)
            purging.signal(SIGINT)
            let outcome = await purging.outcome()
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.errorText.contains("goes on to its end"))
            #expect(try await lab.host.homeListing() == before)
        }
    }

    /// Whoever gives a machine back does not want to wait for what runs there.
    @Test func whatIsGivenUpIsKilledByAPurge() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let before = try await lab.host.homeListing()
            try await lab.add(lab.name)
            let id = try await lab.home.submit(
                "sh", "-c", "trap '' TERM; setsid sleep 4242 & while :; do sleep 1; done",
                options: ["--on", lab.name])
            #expect(await eventually { !lab.host.pids(running: "4242").isEmpty })
            let refused = try await lab.home.run("worker", "rm", lab.name, "--purge")
            expectRefused(refused, code: 5, naming: [id, "--lost"])
            try await ShuntHome.use { shared in
                // Another coordinator, which shares the account.
                var other = shared
                other.variables["SHUNT_SSH_CONFIG"] = lab.home.variables["SHUNT_SSH_CONFIG"]
                let added = try await other.run("worker", "add", lab.name)
                #expect(added.code == 0, "\(added.errorText)")
                let foreign = try await other.submit("sleep", "4242", options: ["--on", lab.name])
                #expect(await eventually { lab.host.pids(running: "4242").count == 2 })
                let purged = try await lab.home.run("worker", "rm", lab.name, "--purge", "--lost")
                #expect(purged.code == 0, "\(purged.errorText)")
                #expect(purged.errorText.contains("the logs of 2 jobs went with it"))
                #expect(
                    purged.errorText.contains("that ran: \(foreign)\n"), "\(purged.errorText)")
            }
            #expect(lab.host.pids(running: "4242").isEmpty)
            #expect(lab.host.agentPids.isEmpty)
            #expect(try await lab.host.homeListing() == before)
            #expect(try await lab.home.inspect(id)["state"].string == "lost")
        }
    }

    /// Refused before the machine is touched, whether the job still waits or has just begun.
    @Test func aWorkerThatAJobWaitsForIsNotPurged() async throws {
        try await RemoteLab.use { lab in
            lab.breakLink()
            let isDown = try await eventually {
                try await lab.worker()["connected"] == .bool(false)
            }
            #expect(isDown)
            let id = try await lab.home.submit("sleep", "4243", options: ["--on", lab.name])
            lab.mendLink()
            let refused = try await lab.home.run("worker", "rm", lab.name, "--purge")
            expectRefused(refused, code: 5, naming: [id])
            #expect(lab.host.agentPids.count == 1)
            let runs = await eventually { !lab.host.pids(running: "4243").isEmpty }
            #expect(runs)
            _ = try await lab.home.run("cancel", "--now", id)
            _ = try await lab.home.run("wait", id)
        }
    }

    /// A job that is given up may be submitted again: what is left of it must not run beside that.
    @Test func whatWasGivenUpIsKilledWhenItsWorkerIsAddedAgain() async throws {
        try await RemoteLab.use { lab in
            let id = try await lab.home.submit("sleep", "4243", options: ["--on", lab.name])
            #expect(await eventually { !lab.host.pids(running: "4243").isEmpty })
            let removed = try await lab.home.run("worker", "rm", lab.name, "--lost")
            #expect(removed.code == 0, "\(removed.errorText)")
            #expect(try await lab.home.inspect(id)["state"].string == "lost")
            try await lab.add(lab.name)
            #expect(await eventually { lab.host.pids(running: "4243").isEmpty })
            #expect(
                try await lab.home.run("run", "-q", "--on", lab.name, "--", "true").code == 0)
        }
    }

    @Test func labelsAreAddedAndTakenAwayOneByOne() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            try await lab.add(lab.name, "--label", "rented", "--label", "room=a1")
            try await lab.add(lab.name, "--label", "room=b2")
            #expect(try await labels(lab) == ["rented": "", "room": "b2"])
            try await lab.add(lab.name, "--unlabel", "room")
            #expect(try await labels(lab) == ["rented": ""])
        }
    }

    private func labels(_ lab: RemoteLab) async throws -> [String: String] {
        var labels: [String: String] = [:]
        for label in try await lab.worker()["labels"].items {
            labels[label["key"].string ?? ""] = label["value"].string ?? ""
        }
        return labels
    }

    @Test func outputsThatAreOnlyThereKeepAWorkerFromBeingPurged() async throws {
        try await RemoteLab.use { lab in
            try lab.home.write("job.yaml", "pull_limit: 1B\n")
            let ran = try await lab.home.run(
                "run", "-q", "-f", "job.yaml", "--on", lab.name, "--name", "maker", "--", "sh",
                "-c", "echo made >made")
            #expect(ran.code == 0, "\(ran.errorText)")
            let refused = try await lab.home.run("worker", "rm", lab.name, "--purge")
            expectRefused(refused, code: 5, naming: ["outputs", "only on", "--lost"])
            // Forgotten and added again, it still has them.
            let forgotten = try await lab.home.run("worker", "rm", lab.name)
            #expect(forgotten.code == 0 && forgotten.errorText.contains("are only there"))
            try await lab.add(lab.name)
            #expect(try await lab.home.run("pull", "maker").code == 0)
            #expect(try lab.home.read("made") == "made\n")
            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
        }
    }

    /// Stands in for an agent of a release that does not exist yet: only its word is asked for.
    @Test func anAgentOfANewerReleaseIsNotReplaced() async throws {
        try await RemoteLab.use { lab in
            let account = lab.host.account
            let directory = try #require(try await lab.worker()["directory"].string)
            let made = try await account.shell(
                "mkdir \(directory)/bin/later && cd \(directory)/bin/later && "
                    + "printf '#!/bin/sh\\necho shunt-agent 9.0.1\\n' >shunt-agent && "
                    + "chmod 700 shunt-agent && ln -sfn $PWD/shunt-agent \(directory)/attach")
            try #require(made.code == 0, "\(made.text)")
            let refused = try await lab.home.run("worker", "add", lab.name)
            expectRefused(refused, code: 5, naming: ["9.0.1", "newer"])
            let link = try await account.shell("readlink \(directory)/attach")
            #expect(link.text.contains("/later/"), "it stays")
        }
    }

    @Test func removalForgetsAndPurgeLeavesNothing() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let account = lab.host.account
            let before = try await lab.host.homeListing()
            // Of an earlier account with the same number, perhaps.
            let engine = lab.host.engineDirectories
            try await lab.add(lab.name)
            #expect(try await account.shell("crontab -l").text.contains("/attach --start"))
            #expect(lab.host.socketDirectories.count == 1)
            #expect(try await lab.run("sh", "-c", "mkdir d; touch d/f; chmod 500 d").code == 0)

            // Forgotten, it goes on there, and can be added again.
            let forgotten = try await lab.home.run("worker", "rm", lab.name)
            #expect(forgotten.text == lab.name + "\n", "\(forgotten.errorText)")
            #expect(try await lab.worker() == .null)
            #expect(lab.host.agentPids.count == 1)
            try await lab.add(lab.name)

            let id = try await lab.home.submit("sleep", "600", options: ["--on", lab.name])
            #expect(await eventually { !lab.host.pids(running: "600").isEmpty })
            let busy = try await lab.home.run("worker", "rm", lab.name, "--purge")
            expectRefused(busy, code: 5, naming: [id])
            #expect(lab.host.agentPids.count == 1)
            _ = try await lab.home.run("cancel", "--now", id)
            _ = try await lab.home.run("wait", id)

            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code == 0, "\(purged.errorText)")
            #expect(try await lab.worker() == .null)
            #expect(try await lab.host.homeListing() == before)
            #expect(try await account.shell("crontab -l").code != 0)
            #expect(lab.host.socketDirectories.isEmpty)
            #expect(lab.host.engineDirectories == engine)
            let ended = await eventually { account.processes.isEmpty }
            #expect(ended, "\(account.processes.map { Lab.ProcessTable.command($0.pid) })")
        }
    }

    @Test func anInventoryIsAppliedAroundItsBadWorkers() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let closed = try Impostor(.closed, address: "127.0.1.3")
            defer { closed.stop() }
            let home = lab.host.account.home
            try lab.home.write(
                "inventory.yaml",
                """
                workers:
                  one: {host: \(lab.name), dir: \(home)/one, labels: {room: 1}}
                  bad: {host: "\(closed.endpoint)"}
                  two: {host: \(lab.name), dir: \(home)/two}

                """)
            let applied = try await lab.home.run("worker", "apply", "-f", "inventory.yaml")
            #expect(applied.code == 4, "\(applied.errorText)")
            #expect(applied.errorLines.contains { $0.hasPrefix("error: ") && $0.contains("`bad`") })
            #expect(applied.errorLines.contains { $0.hasPrefix("hint: ") })
            #expect(try await lab.worker("one")["connected"] == .bool(true))
            #expect(try await lab.worker("two")["connected"] == .bool(true))
            #expect(try await lab.worker("bad") == .null)
            for name in ["one", "two"] {
                let ran = try await lab.home.run("run", "-q", "--on", name, "--", "echo", name)
                #expect(ran.text == name + "\n", "\(ran.errorText)")
            }
            try lab.home.write("wrong.yaml", "workers:\n  one: {hots: x}\n")
            let wrong = try await lab.home.run("worker", "apply", "-f", "wrong.yaml")
            expectRefused(wrong, code: 2, naming: ["hots", "2"])
        }
    }
}
