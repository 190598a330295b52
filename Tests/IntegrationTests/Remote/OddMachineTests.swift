import Foundation
import Lab
import Testing

/// Machines whose login works and that are odd all the same: their shell, their directory, their
/// platform, their sshd, or the agent that answers.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason))
struct OddMachineTests {
    // MARK: Shells

    private func withShell(
        _ shell: String, profile: String? = nil, _ body: (RemoteLab) async throws -> Void
    ) async throws {
        var options = LabHost.Options()
        options.shell = shell
        options.server.lines = ["Banner \(ShuntHome.packageRoot)/README.md"]
        try await RemoteLab.use(options, isEnrolled: false) { lab in
            if let profile {
                // Bash reads it for the commands of sshd too.
                try Files.write(profile, to: lab.host.account.home + "/.bashrc")
            }
            try await body(lab)
        }
    }

    private func expectWorks(_ lab: RemoteLab) async throws {
        try await lab.add(lab.name)
        let ran = try await lab.run("sh", "-c", "printf 'a\\0b'; exit 5", options: ["-q"])
        #expect(ran.code == 5, "\(ran.errorText)")
        #expect(ran.output == Data([0x61, 0, 0x62]))
        let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
        #expect(purged.code == 0, "\(purged.errorText)")
    }

    private func expectNoWorker(_ lab: RemoteLab, code: Int32, naming: [String]) async throws {
        let before = try await lab.host.homeListing()
        let outcome = try await lab.home.run("worker", "add", lab.name)
        expectRefused(outcome, code: code, naming: naming)
        #expect(try await lab.worker() == .null)
        #expect(try await lab.host.homeListing() == before)
        #expect(await eventually { lab.host.account.processes.isEmpty })
    }

    @Test func aShellThatTalksDoesNoHarm() async throws {
        let talk = "echo Welcome to the machine; echo and mind the step >&2; seq 3000\n"
        try await withShell("/bin/bash", profile: talk) { try await expectWorks($0) }
    }

    @Test func aShellWhoseStartUpFileReadsLinesAndLeavesOneOpenIsEnough() async throws {
        let profile = "read -r answer; read -r another; printf '> '\n"
        try await withShell("/bin/bash", profile: profile) {
            try await expectWorks($0)
        }
    }

    /// The agent's first bytes would be looked for behind it at each connection.
    @Test func aShellThatTalksTooLongIsRefusedAndLeftAsItWas() async throws {
        try await withShell("/bin/bash", profile: "seq 12000\n") { lab in
            try await expectNoWorker(lab, code: 5, naming: ["start-up files", "is the most"])
        }
    }

    @Test(.enabled(if: access("/usr/bin/fish", X_OK) == 0, "fish is not installed"))
    func fishWorks() async throws {
        try await withShell("/usr/bin/fish") { try await expectWorks($0) }
    }

    @Test func anAccountWithoutAShellIsRefused() async throws {
        try await withShell("/usr/sbin/nologin") { lab in
            try await expectNoWorker(lab, code: 5, naming: ["shell", "not available"])
        }
    }

    @Test func aShellThatEndsAtOnceOrNeverStopsTalkingIsRefused() async throws {
        try await withShell("/bin/bash", profile: "exit 3\n") { lab in
            try await expectNoWorker(lab, code: 5, naming: ["shell", "3"])
            try Files.write("yes\n", to: lab.host.account.home + "/.bashrc")
            try await expectNoWorker(lab, code: 1, naming: ["does not stop talking"])
        }
    }

    // MARK: Platforms

    /// A program in front of the real one; bash takes the path from the account.
    private func pretend(_ lab: RemoteLab, _ uname: String) throws {
        let bin = lab.host.account.home + "/bin"
        try Files.makeDirectory(bin)
        try Files.write(
            "#!/bin/sh\ncase $1 in \(uname) esac\nexec /bin/uname \"$@\"\n", to: bin + "/uname",
            mode: 0o755)
    }

    @Test func aMachineThatNoAgentRunsOnIsRefused() async throws {
        try await withShell("/bin/bash", profile: "PATH=$HOME/bin:$PATH\n") { lab in
            try pretend(lab, "-m) echo riscv64; exit;;")
            let outcome = try await lab.home.run("worker", "add", lab.name)
            expectRefused(outcome, code: 3, naming: ["riscv64"])
            try pretend(lab, "-r) echo 3.10.0-1160.el7.x86_64; exit;;")
            let old = try await lab.home.run("worker", "add", lab.name)
            expectRefused(old, code: 5, naming: ["3.10", "4.18"])
            try pretend(lab, "-s) echo FreeBSD; exit;;")
            let other = try await lab.home.run("worker", "add", lab.name)
            expectRefused(other, code: 5, naming: ["freebsd"])
            #expect(try await lab.worker() == .null)
            let left = try await lab.host.homeListing()
            #expect(!left.contains("shunt-agent"), "\(left)")
        }
    }

    // MARK: Directories

    @Test func aDirectoryThatCannotBeUsedIsRefused() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let home = lab.host.account.home
            let owner = "\(lab.host.account.entry.uid)"
            func mount(_ name: String, _ options: String) async throws -> String {
                let path = "\(home)/\(name)"
                try Files.makeDirectory(path)
                let outcome = try await lab.home.shell(
                    "mount -t tmpfs -o uid=\(owner),mode=700,\(options) none \(path)")
                try #require(outcome.code == 0, "\(outcome.errorText)")
                return path
            }
            let small = try await mount("small", "size=4m")
            let noexec = try await mount("noexec", "noexec,size=200m")
            let fixed = try await mount("fixed", "ro,size=200m")
            func unmount() async {
                // What stays mounted is what the removal of the host then tells of.
                _ = try? await lab.home.shell("umount -l \(small) \(noexec) \(fixed)")
            }
            do {
                let cases: [(String, Int32, [String])] = [
                    (small, 5, ["free", small]), (noexec, 5, ["noexec", noexec]),
                    (fixed + "/agent", 5, ["Read-only", fixed]),
                    ("/etc/agent", 5, ["/etc/agent", "denied"]),
                ]
                for (directory, code, naming) in cases {
                    let outcome = try await lab.home.run(
                        "worker", "add", lab.name, "--dir", directory)
                    expectRefused(outcome, code: code, naming: naming)
                }
                for directory in [small, noexec] {
                    let left = try FileManager.default.subpathsOfDirectory(atPath: directory)
                    #expect(left.filter { $0 != "bin" }.isEmpty, "\(directory): \(left)")
                }
                #expect(try await lab.worker() == .null)
                #expect(lab.host.agentPids.isEmpty)
            } catch {
                await unmount()
                throw error
            }
            await unmount()
        }
    }

    @Test func aDirectoryOfAnotherMachineIsNotTouched() async throws {
        try await RemoteLab.use { lab in
            let directory = try #require(try await lab.worker()["directory"].string)
            for pid in lab.host.agentPids { kill(pid, SIGKILL) }
            try Files.write("host:another-machine\n", to: directory + "/machine")
            let added = try await lab.home.run("worker", "add", lab.name)
            expectRefused(added, code: 1, naming: ["belongs to another machine"])
            let checked = try await lab.home.run("worker", "check", lab.name)
            #expect(checked.code == 1)
            #expect(checked.text.contains("belongs to another machine"), "\(checked.text)")
            let purged = try await lab.home.run("worker", "rm", lab.name, "--purge")
            #expect(purged.code != 0, "\(purged.text)")
            #expect(Files.exists(directory + "/attach"))
        }
    }

    // MARK: Agents

    /// What the coordinator says of the worker while something else than its agent answers.
    private func expectShown(
        _ words: String..., in lab: RemoteLab, whereAttachIs attach: String
    ) async throws {
        let directory = try #require(try await lab.worker()["directory"].string)
        unlink(directory + "/attach")
        try Files.write(attach, to: directory + "/attach", mode: 0o755)
        lab.host.relay.reset()
        var link = ""
        let isShown = try await eventually {
            link = try await lab.worker()["link"].string ?? ""
            return link.contains("unreachable") && words.allSatisfy { link.contains($0) }
        }
        #expect(isShown, "\(words): \(link)")
    }

    @Test func anAgentThatIsNoneIsShownAndMendedByAddingItAgain() async throws {
        try await RemoteLab.use { lab in
            let magic = #"printf '\211SHUNT\r\n\032\n\000\377wire'; "#
            try await expectShown(
                "over the limit", in: lab,
                whereAttachIs: "#!/bin/sh\n\(magic)printf '\\377\\377\\377\\377garbage'; cat\n")
            try await expectShown(
                "no agent answered", in: lab, whereAttachIs: "#!/bin/sh\nyes this is no agent\n")
            try await expectShown(
                "out of order", in: lab,
                whereAttachIs: "#!/bin/sh\necho 'error: out of order' >&2; exit 9\n")
            let checked = try await lab.home.run("worker", "check", lab.name)
            #expect(checked.code == 1)
            #expect(checked.text.contains("hint: "), "\(checked.text)")
            try await lab.add(lab.name)
            let ran = try await lab.run("echo", "in", options: ["-q"])
            #expect(ran.text == "in\n", "\(ran.errorText)")
        }
    }

    /// Of the protocol, as the sources have it.
    private static func version() throws -> Int {
        let source = try String(
            contentsOfFile: ShuntHome.packageRoot + "/Sources/Wire/Framing/WireLimits.swift",
            encoding: .utf8)
        let found = try #require(source.firstMatch(of: /protocolVersion: UInt32 = (\d+)/))
        return try #require(Int(found.1))
    }

    /// Stands between, and makes the version of the protocol 99 in the first words of either side:
    /// to the coordinator the agent is newer, and the agent refuses it. What follows passes.
    private static func translator(of version: Int) -> String {
        """
        #!/usr/bin/env python3
        import os, subprocess, sys, threading
        here = os.path.dirname(os.path.abspath(__file__))
        agent = subprocess.Popen(
            [here + "/attach"], executable=here + "/attach.real",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        def carry(source, target):
            version = bytes([8, \(version)])
            while True:
                data = os.read(source, 65536)
                if not data:
                    break
                if version and version in data:
                    data = data.replace(version, b"\\x08\\x63", 1)
                    version = b""
                os.write(target, data)
            os.close(target)
        threading.Thread(target=carry, args=(0, agent.stdin.fileno()), daemon=True).start()
        carry(agent.stdout.fileno(), 1)
        sys.exit(agent.wait())

        """
    }

    @Test func anAgentOfAnotherVersionSaysSo() async throws {
        try await RemoteLab.use { lab in
            let directory = try #require(try await lab.worker()["directory"].string)
            let real = try FileManager.default.destinationOfSymbolicLink(
                atPath: directory + "/attach")
            #expect(symlink(real, directory + "/attach.real") == 0)
            let version = try Self.version()
            try await expectShown(
                "agent speaks version 99", "this coordinator version \(version)", in: lab,
                whereAttachIs: Self.translator(of: version))
            // What is submitted meanwhile waits, and says why.
            let submitted = try await lab.home.run("submit", "--on", lab.name, "--", "true")
            #expect(submitted.code == 0 && submitted.errorText.contains("waiting here"))
            try await lab.add(lab.name)
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(try await lab.home.run("wait", id).text == "0\n")
        }
    }

    // MARK: Servers

    @Test func aServerThatAllowsOneSessionIsEnough() async throws {
        var options = LabHost.Options()
        options.server.lines = ["MaxSessions 1"]
        try await RemoteLab.use(options, isEnrolled: false) { try await expectWorks($0) }
    }

    @Test func aServerThatAllowsNoSessionSaysSo() async throws {
        var options = LabHost.Options()
        options.server.lines = ["MaxSessions 0"]
        try await RemoteLab.use(options, isEnrolled: false) { lab in
            try await expectNoWorker(lab, code: 4, naming: ["MaxSessions"])
        }
    }

    @Test func aServerThatTakesNoMoreLoginsSaysSo() async throws {
        var options = LabHost.Options()
        options.server.lines = ["MaxStartups 1", "LoginGraceTime 60"]
        try await RemoteLab.use(options, isEnrolled: false) { lab in
            // One that connects and never logs in takes the only place.
            let idle = try Lab.Command(
                ["python3", "-c", Self.idle, "\(lab.host.server.endpoint.port)"])
            #expect(await eventually { idle.outputSoFar.contains("SSH-") })
            let outcome = try await lab.home.run("worker", "add", lab.name)
            expectRefused(outcome, code: 4, naming: ["MaxStartups"])
            idle.signal(SIGKILL)
            _ = await idle.outcome()
            let freed = try await eventually {
                try await lab.home.run("worker", "add", lab.name).code == 0
            }
            #expect(freed)
        }
    }

    private static let idle = """
        import socket, sys, time
        held = socket.create_connection(("127.0.1.1", int(sys.argv[1])))
        print(held.recv(100).decode(), flush=True)
        time.sleep(600)
        """
}
