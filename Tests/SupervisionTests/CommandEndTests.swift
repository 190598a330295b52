internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// How commands start and end, and what is said of it.
@Suite struct CommandEndTests {
    @Test func exitCodeAndBothStreamsComeThroughApart() throws {
        let harness = try TaskHarness(shell: "echo out; echo err >&2; exit 7")
        let record = try harness.run()
        #expect(record.ending == TaskEnding(exit: .exited(code: 7)))
        #expect(try harness.text(.standardOutput) == "out\n")
        #expect(try harness.text(.standardError) == "err\n")
        let start = try #require(record.start)
        #expect(start.steady <= record.end.steady)
        #expect(record.logLength == (try LogReader(harness.task.logPath).bounds().upperBound))
        #expect(record.logSyncErrno == nil)
    }

    @Test(arguments: [SIGKILL, SIGSEGV, SIGTERM])
    func aSignalThatEndsTheCommandIsNamed(_ signal: Int32) throws {
        let record = try TaskHarness(shell: "ulimit -c 0; kill -\(signal) $$").run()
        #expect(record.ending == TaskEnding(exit: .signalled(signal: signal)))
    }

    @Test func aMissingCommandIsENOENT() throws {
        let record = try TaskHarness(.words([Array("no-such-command".utf8)])).run()
        #expect(record.ending.exit == .execFailed(errno: ENOENT))
        #expect(record.ending.exit.shellCode == 127)
        #expect(record.problem == nil)
    }

    /// What lay there when the task was staged may be gone when it starts.
    @Test func dataThatCannotBeMountedIsNamed() throws {
        let harness = try TaskHarness(shell: "true")
        let (source, target) = (harness.root + "/source", harness.root + "/target")
        for path in [source, target] { try #require(mkdir(path, 0o755) == 0) }
        harness.plan.mounts = [source, source + "-gone"].map { path in
            LaunchPlan.Mount(source: Array(path.utf8), target: Array(target.utf8))
        }
        let record = try harness.run()
        #expect(record.ending.exit == .neverStarted)
        #expect(
            record.problem
                == "its data cannot be mounted: `\(source)-gone`: No such file or directory")
    }

    @Test func aFileThatIsNotExecutableIsEACCES() throws {
        let harness = try TaskHarness(.words([Array("./plain".utf8)]))
        try Files.write(Array("#!/bin/sh\n".utf8), to: harness.root + "/plain")
        #expect(try harness.run().ending.exit == .execFailed(errno: EACCES))
    }

    @Test func aDirectoryIsEACCES() throws {
        let record = try TaskHarness(.words([Array("/tmp".utf8)])).run()
        #expect(record.ending.exit == .execFailed(errno: EACCES))
        #expect(record.ending.exit.shellCode == 126)
    }

    @Test func aBinaryOfAnotherMachineIsENOEXEC() throws {
        let harness = try TaskHarness(.words([Array("./foreign".utf8)]))
        let path = harness.root + "/foreign"
        try Files.write([0x7F, 0x45, 0x4C, 0x46, 9, 9, 9, 0, 0, 0], to: path)
        chmod(path, 0o755)
        #expect(try harness.run().ending.exit == .execFailed(errno: ENOEXEC))
    }

    @Test func aScriptWithoutAnInterpreterLineRunsInTheShell() throws {
        let harness = try TaskHarness(.words(["./script", "a b"].map { Array($0.utf8) }))
        let path = harness.root + "/script"
        try Files.write(Array("echo \"$1\"; exit 3\n".utf8), to: path)
        chmod(path, 0o755)
        #expect(try harness.run().ending.exit == .exited(code: 3))
        #expect(try harness.text(.standardOutput) == "a b\n")
    }

    @Test func thePathOfTheTaskCounts() throws {
        let harness = try TaskHarness(.words([Array("mine".utf8)]))
        harness.plan.environment = [Array("PATH=/nowhere::\(harness.root)/bin".utf8)]
        mkdir(harness.root + "/bin", 0o755)
        let path = harness.root + "/bin/mine"
        try Files.write(Array("#!/bin/sh\nexit 5\n".utf8), to: path)
        chmod(path, 0o755)
        #expect(try harness.run().ending.exit == .exited(code: 5))
    }

    @Test func aMissingWorkingDirectoryIsSaid() throws {
        let harness = try TaskHarness(shell: "true")
        harness.plan.workingDirectory = Array("/no/such/place".utf8)
        let record = try harness.run()
        #expect(record.ending.exit == .neverStarted)
        #expect(
            record.problem
                == "the working directory cannot be entered: No such file or directory")
    }

    @Test func aLaunchFileThatCannotBeUsedIsSaid() throws {
        let harness = try TaskHarness(shell: "true")
        try harness.task.prepare(harness.plan)
        var bytes = try #require(Files.read(harness.task.path + "/launch"))
        bytes.insert(contentsOf: Array("colour\0red\0".utf8), at: bytes.count - 4)
        try Files.write(bytes, to: harness.task.path + "/launch")
        try harness.startSupervisor()
        let record = try harness.end()
        #expect(record.ending.exit == .neverStarted)
        #expect(record.problem == "the launch file cannot be used")
    }

    @Test func initRefusesALaunchFileItDoesNotUnderstand() throws {
        let harness = try TaskHarness(shell: "true")
        harness.plan.workingDirectory = Array("/".utf8)
        try harness.task.prepare(harness.plan)
        let path = harness.task.path + "/launch"
        let text = String(decoding: try #require(Files.read(path)), as: UTF8.self)
        // The supervisor has no opinion on working directories; init has.
        let relative = text.replacing("workdir\u{0}/\u{0}", with: "workdir\u{0}x\u{0}")
        try Files.write(Array(relative.utf8), to: path)
        try harness.startSupervisor()
        let record = try harness.end()
        #expect(record.ending.exit == .neverStarted)
        #expect(
            record.problem
                == "the launch file cannot be used: the working directory is not absolute")
    }

    @Test func aMissingInitIsSaid() throws {
        let harness = try TaskHarness(shell: "true")
        harness.plan.initExecutable = "/no/such/init"
        _ = try harness.prepareAndSupervise()
        let record = try harness.end()
        #expect(record.ending.exit == .neverStarted)
        #expect(record.problem?.hasPrefix("init cannot be started: execute") == true)
    }

    @Test func anInitThatDiesAtOnceIsGivenUp() throws {
        let harness = try TaskHarness(shell: "true")
        harness.plan.initExecutable = "/bin/false"
        _ = try harness.prepareAndSupervise()
        let record = try harness.end()
        #expect(record.ending.exit == .neverStarted)
        #expect(record.problem == "init ends before its barrier (wait status 256)")
    }

    @Test func theEnvironmentIsWhatWasAskedForAndTheToken() throws {
        let harness = try TaskHarness(.words([Array("/usr/bin/env".utf8), Array("-0".utf8)]))
        let odd: [UInt8] = Array("ODD=".utf8) + [0xFF, 0x0A, 0x80, 0x3D]
        harness.plan.environment = [odd, Array("A=1".utf8)]
        _ = try harness.run()
        let token = Array("SHUNT_TASK_TOKEN=\(harness.plan.token)".utf8)
        let expected = odd + [0] + Array("A=1\0".utf8) + token + [0]
        #expect(try harness.logged(.standardOutput) == expected)
    }

    @Test func theCommandInheritsNothingFromInit() throws {
        let harness = try TaskHarness(
            shell: """
                for f in /proc/self/fd/*; do echo "${f##*/}"; done | sort -n | tr '\\n' ' '; echo
                cat; pwd
                cat /proc/self/status | awk '/^Sig(Blk|Ign|Cgt)/ { print $2 }'
                ps -o pid=,pgid=,sid= -p $$ | awk '{ print ($1 == $2 && $2 == $3) }'
                """)
        _ = try harness.run()
        let lines = try harness.text(.standardOutput).split(separator: "\n")
        let none = Substring("0000000000000000")
        #expect(lines.dropFirst() == [harness.root[...], none, none, none, "1"])
        // 3 is the descriptor through which the shell itself looks.
        #expect(["0 1 2 ", "0 1 2 3 "].contains(lines.first))
    }

    @Test func theMaskOfThePlanCounts() throws {
        let harness = try TaskHarness(shell: "umask")
        harness.plan.fileModeMask = 0o137
        _ = try harness.run()
        #expect(try harness.text(.standardOutput) == "0137\n")
    }

    @Test func whatTheCommandUsedIsMeasured() throws {
        let harness = try TaskHarness(
            shell: "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec true")
        let usage = try harness.run().usage
        #expect(usage.userMicroseconds + usage.systemMicroseconds > 1000)
        #expect(usage.maximumResident.bytes > 100_000)
    }
}
