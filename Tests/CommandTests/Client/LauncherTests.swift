import Foundation
import JobModel
import Testing

@testable import CoordinatorClient

/// A launcher with scripts in place of `shunt coordinator serve`.
@Suite struct LauncherTests {
    private func withHome(
        script: String, _ body: (HomeDirectory, CoordinatorLauncher) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let home = try HomeDirectory.open(
            root: directory.path + "/home", userID: geteuid(),
            machine: MachineKey(machineID: directory.path, hostName: "test"))
        defer { rmdir(home.layout.runtimeDirectory) }
        let path = directory.path + "/serve"
        try Self.writeScript("#!/bin/sh\n" + script, to: path)
        try await body(home, CoordinatorLauncher(home: home, executable: path))
    }

    /// Another process writes the script: a descriptor of ours could be open for writing in a
    /// child that a test beside this one is about to start, and the kernel executes no such file.
    private static func writeScript(_ text: String, to path: String) throws {
        let arguments = ["sh", "-c", #"printf %s "$1" > "$0" && chmod 755 "$0""#, path, text]
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        var status: Int32 = -1
        guard posix_spawn(&pid, "/bin/sh", nil, nil, argv, nil) == 0,
            waitpid(pid, &status, 0) == pid, status == 0
        else { throw POSIXError(.EIO) }
    }

    private func log(_ home: HomeDirectory) throws -> String {
        String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: home.layout.coordinatorLog)),
            as: UTF8.self)
    }

    @Test func whatKeepsACoordinatorFromStartingIsTold() async throws {
        let error = ShuntError(.refused, "a newer release made this home", hint: "upgrade")
        let report = String(
            decoding: try JSONEncoder().encode(StartupReport.failed(error)), as: UTF8.self)
        try await withHome(script: "printf '%s' '\(report)' >&3\n") { _, launcher in
            await #expect(throws: error) { try await launcher.ensureRunning() }
        }
    }

    @Test func aCoordinatorThatDiesWithoutAWordIsNamedWithItsLog() async throws {
        try await withHome(script: "echo gone wrong; exit 1\n") { home, launcher in
            let error = await #expect(throws: ShuntError.self) {
                try await launcher.ensureRunning()
            }
            #expect(error?.code == .unreachable)
            #expect(error?.hint?.contains(home.layout.coordinatorLog) == true)
            let text = try self.log(home)
            // Once may be somebody's `kill`; twice is a fault.
            #expect(text == "gone wrong\ngone wrong\n")
        }
    }

    @Test func itStartsInARootOfItsOwnWithItsDescriptorsAlone() async throws {
        let script = """
            exec 4>&1
            pwd >&4
            echo "$SHUNT_HOME" >&4
            cut -d' ' -f6 /proc/$$/stat >&4
            echo $$ >&4
            ls /proc/$$/fd | tr '\\n' ' ' >&4
            """
        let pipe = Pipe()
        // A descriptor that a shell left open, above those that the program itself has.
        let inherited = fcntl(pipe.fileHandleForReading.fileDescriptor, F_DUPFD, 200)
        defer { close(inherited) }
        try await withHome(script: script) { home, launcher in
            await #expect(throws: ShuntError.self) { try await launcher.ensureRunning() }
            let lines = try self.log(home).split(separator: "\n").map(String.init)
            // It ends without a word, so it is started twice; the first will do.
            try #require(lines.count >= 5)
            #expect(lines[0] == "/")
            #expect(lines[1] == home.layout.root)
            #expect(lines[2] == lines[3], "a session of its own")
            #expect(!lines[4].split(separator: " ").contains("\(inherited)"))
        }
    }

    @Test func oneThatAnswersIsNotStartedAgain() async throws {
        try await withHome(script: "echo started\n") { home, launcher in
            let server = try ScriptedServer(path: home.layout.coordinatorSocket) { _ in
                .json(200, "[]")
            }
            try await launcher.ensureRunning()
            #expect(access(home.layout.coordinatorLog, F_OK) != 0)
            server.stop()
            try await launcher.waitUntilStopped(isAgentNeeded: true)
            unlink(home.layout.coordinatorSocket)
        }
    }

    @Test func theLoserOfARaceTalksToTheWinner() async throws {
        let report = String(
            decoding: try JSONEncoder().encode(StartupReport.alreadyRunning), as: UTF8.self)
        // The other coordinator binds its socket only after ours has given up.
        try await withHome(script: "printf '%s' '\(report)' >&3\n") { home, launcher in
            async let result: Void = launcher.ensureRunning()
            let deadline = ContinuousClock.now + .seconds(20)
            while access(home.layout.coordinatorLog, F_OK) != 0 {
                try #require(ContinuousClock.now < deadline, "the launcher started nothing")
                // The pause between two looks.
                try await Task.sleep(for: .milliseconds(2))
            }
            let server = try ScriptedServer(path: home.layout.coordinatorSocket) { _ in .hangUp }
            try await result
            server.stop()
            unlink(home.layout.coordinatorSocket)
        }
    }

    @Test func aReportIsSentOnce() throws {
        let pipe = Pipe()
        let writing = dup(pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        let channel = StartupChannel(descriptor: writing)
        channel.send(.ready)
        channel.send(.alreadyRunning)
        let bytes = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
        #expect(StartupReport.decode(bytes) == .ready)
        #expect(StartupReport.decode(Array(bytes.dropLast())) == nil)
    }
}
