import Foundation
import Testing
import Lab

/// What `cancel` leaves behind: nothing.
@Suite struct CancelTests {
    /// Starts a grandchild that left the session, ignores TERM and bears no trace of the job.
    static let escaping = """
        import os, signal, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                with open(sys.argv[1], "a") as mark:
                    mark.write(f"{os.getpid()}\\n")
                while True:
                    time.sleep(1)
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(sys.argv[1], "a") as mark:
            mark.write(f"{os.getpid()}\\n")
        while True:
            time.sleep(1)
        """

    @Test func cancelLeavesNothingOfWhatEscapes() async throws {
        try await ShuntHome.use { home in
            let id = try await startEscaping(home)
            try await expectNothingLeft(home, id)
        }
    }

    /// The same where no cgroup can be made: init sweeps what becomes its child.
    @Test(.enabled(if: geteuid() == 0, "hiding the cgroups takes a mount"))
    func sweepLeavesNothingOfWhatEscapes() async throws {
        try await ShuntHome.use { home in
            let hide =
                "for d in /sys/fs/cgroup/unified /sys/fs/cgroup; do"
                + " mount -t tmpfs none $d 2>/dev/null; done; exec shunt ps"
            let started = try await home.shell("unshare -m sh -c '\(hide)'")
            try #require(started.code == 0, "\(started.errorText)")
            let id = try await startEscaping(home)
            try await expectNothingLeft(home, id)
            let view = try await home.inspect(id)
            #expect(view["kill_method"].string == "sweep")
        }
    }

    private func startEscaping(_ home: ShuntHome) async throws -> String {
        try home.write("escape.py", Self.escaping)
        let mark = home.base + "/escaped"
        let id = try await home.submit("python3", "escape.py", mark)
        let runs = await eventually { escaped(home).count == 2 }
        #expect(runs)
        return id
    }

    private func escaped(_ home: ShuntHome) -> [pid_t] {
        // Not written yet is the same as empty.
        let text = (try? String(contentsOfFile: home.base + "/escaped", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { pid_t($0) }
    }

    private func expectNothingLeft(_ home: ShuntHome, _ id: String) async throws {
        let cancelled = try await home.run("cancel", "--now", id)
        #expect(cancelled.code == 0, "\(cancelled.errorText)")
        _ = try await home.run("wait", id)
        let pids = escaped(home)
        #expect(pids.allSatisfy { !ProcessTable.isAlive($0) })
        let view = try await home.inspect(id)
        #expect(view["state"].string == "cancelled")
        #expect(["cgroup", "sweep"].contains(view["kill_method"].string))
        let text = try await home.run("inspect", id)
        #expect(text.text.contains("ended by"))
    }

    @Test func gracePeriodEndsInAKill() async throws {
        try await ShuntHome.use { home in
            let id = try await startEscaping(home)
            #expect(try await home.run("cancel", id).code == 0)
            // Twice is as good as once.
            #expect(try await home.run("cancel", id).code == 0)
            _ = try await home.run("wait", id)
            #expect(escaped(home).allSatisfy { !ProcessTable.isAlive($0) })
            #expect(try await home.inspect(id)["state"].string == "cancelled")
            // And of a job that is over it changes nothing.
            _ = try await home.run("cancel", id)
            #expect(try await home.inspect(id)["state"].string == "cancelled")
        }
    }

    @Test func cancelOfAnEndedJobChangesNothing() async throws {
        try await ShuntHome.use { home in
            let id = try await home.submit("sh", "-c", "exit 3")
            _ = try await home.run("wait", id)
            let before = try await home.inspect(id)
            _ = try await home.run("cancel", id)
            let after = try await home.inspect(id)
            #expect(before == after)
            #expect(after["exit_code"].int == 3)
        }
    }

    @Test func cancelOfAQueuedJobEndsIt() async throws {
        try await ShuntHome.use { home in
            let all = ["--cpus", "\(ProcessInfo.processInfo.activeProcessorCount)"]
            let first = try await home.submit("sleep", "60", options: all)
            let second = try await home.submit("touch", home.base + "/ran", options: all)
            #expect(try await home.run("cancel", second).code == 0)
            _ = try await home.run("wait", second)
            #expect(try await home.inspect(second)["state"].string == "cancelled")
            #expect(try await home.run("cancel", "--now", first).code == 0)
            _ = try await home.run("wait", first)
            #expect(!FileManager.default.fileExists(atPath: home.base + "/ran"))
        }
    }

    @Test func cancelDuringTheEnvironmentBuildEndsBuildAndJob() async throws {
        try await ShuntHome.use { home in
            // An index that takes the installer's call and never says a word.
            let index = try Command(
                ["python3", "-c", Self.silentIndex].map { Array($0.utf8) },
                directory: home.work, environment: home.environment())
            #expect(await eventually { index.outputSoFar.contains("\n") })
            let port = index.outputSoFar.split(separator: "\n")[0]
            try home.write(
                "requirements.txt",
                "--index-url http://127.0.0.1:\(port)/simple\nnothing-of-this-name\n")
            try home.write(
                "job.yaml",
                "run: [touch, \(home.base)/ran]\nenvironment: {python: requirements.txt}\n")
            let submitted = try await home.run("submit", "-f", "job.yaml")
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            let asked = await eventually(within: .seconds(60)) {
                index.outputSoFar.contains("asked")
            }
            #expect(asked, "\(submitted.errorText)")
            let cancel = try await home.run("cancel", id)
            #expect(cancel.code == 0, "\(cancel.errorText)")
            _ = try await home.run("wait", id)
            let view = try await home.inspect(id)
            #expect(view["state"].string == "cancelled", "\(view)")
            let builds = home.root + "/agent/environments/builds"
            let ended = await eventually {
                ProcessTable.processes(naming: builds).isEmpty
                    && directories(in: builds).isEmpty
            }
            #expect(ended, "the build goes on")
            #expect(!FileManager.default.fileExists(atPath: home.base + "/ran"))
            index.signal(SIGKILL)
            _ = await index.outcome()
        }
    }

    @Test func aJobThatStoppedItsInitIsCancelled() async throws {
        try await ShuntHome.use { home in
            let id = try await home.submit(
                "sh", "-c", "kill -STOP $PPID; touch \(home.base)/stopped; exec sleep 1000")
            #expect(
                await eventually {
                    FileManager.default.fileExists(atPath: home.base + "/stopped")
                })
            #expect(try await home.run("cancel", id).code == 0)
            _ = try await home.run(["wait", id], within: .seconds(40))
            let view = try await home.inspect(id)
            #expect(view["state"].string == "cancelled", "\(view)")
        }
    }

    @Test func aStoppedSupervisorIsMadeToObey() async throws {
        try await ShuntHome.use { home in
            let id = try await startEscaping(home)
            for pid in home.pids(of: [.supervisor]) { kill(pid, SIGSTOP) }
            try await expectNothingLeft(home, id)
        }
    }

    private static let silentIndex = """
        import socket, time
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)
        held = []
        while True:
            held.append(listener.accept())
            print("asked", flush=True)
        """
}

/// The directories directly below another one; none where that is missing.
func directories(in path: String) -> [String] {
    // What is not there has nothing below it.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { name in
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
            && isDirectory.boolValue
    }
}
