import ByteStream
import Foundation
import TestSupport
import Testing

@testable import SSHTransport

/// Streams of commands behind real servers, over both transports.
@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    @Test(arguments: Transport.allCases)
    func twentyMegabytesComeBackAsTheyWere(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            try await Self.echo(20 << 20, shell)
        }
    }

    /// Keys are exchanged anew a dozen times meanwhile.
    @Test(arguments: Transport.allCases)
    func newKeysDoNotDisturbAStream(_ transport: Transport) async throws {
        try await withShell(transport, ["RekeyLimit 1M"]) { shell, _, _ in
            try await Self.echo(12 << 20, shell)
        }
    }

    private static func echo(_ count: Int, _ shell: any RemoteShell) async throws {
        var generator = SeededGenerator.forTest()
        let bytes = generator.bytes(count)
        let stream = try await shell.open("cat")
        async let writing: Void = {
            var rest = bytes[...]
            while !rest.isEmpty {
                try await stream.write(Array(rest.prefix(300_000)))
                rest = rest.dropFirst(300_000)
            }
            stream.finishWriting()
        }()
        let echoed = try await stream.readToEnd()
        try await writing
        #expect(echoed == bytes)
        #expect(await stream.exit() == .code(0))
        await stream.close()
    }

    @Test(arguments: Transport.allCases)
    func exitCodesArrive(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            for code: Int32 in [0, 1, 42, 127, 254, 255] {
                let output = try await shell.output(of: "exit \(code)")
                let expected = Output(text: "", exit: .code(code), errors: "")
                #expect(output == expected)
            }
        }
    }

    /// `ssh` itself does not say which signal it was.
    @Test(arguments: Transport.allCases)
    func aSignalIsTold(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            let output = try await shell.output(of: "kill -KILL $$")
            #expect(output.exit == (transport == .libssh ? .signal("KILL") : .code(255)))
        }
    }

    @Test func signalsHaveTheCodesOfAShell() {
        #expect(RemoteExit.signal("KILL").shellCode == 137)
        #expect(RemoteExit.code(3).shellCode == 3)
    }

    @Test(arguments: Transport.allCases)
    func theEndOfStandardErrorIsKept(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            let output = try await shell.output(
                of: "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo out")
            #expect(output.text == "out\n")
            #expect(output.errors.utf8.count == SSHLimits.diagnostics)
            #expect(output.errors.hasSuffix("xxx\nlast\n") || output.errors.hasSuffix("xlast\n"))
        }
    }

    @Test(arguments: Transport.allCases)
    func aHalfClosedStreamStillAnswers(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            let stream = try await shell.open("cat; echo end")
            try await stream.write(Array("abc".utf8))
            #expect(try await stream.readExactly(3) == Array("abc".utf8))
            stream.finishWriting()
            #expect(try await stream.readToEnd() == Array("end\n".utf8))
            await #expect(throws: StreamError.self) { try await stream.write([1]) }
            await stream.close()
        }
    }

    @Test(arguments: Transport.allCases)
    func eightStreamsAtOnceKeepApart(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            try await withThrowingTaskGroup { group in
                for number in 0..<8 {
                    group.addTask {
                        let text = String(repeating: "\(number)", count: 400_000)
                        let output = try await shell.output(of: "cat", input: Array(text.utf8))
                        #expect(output.text == text)
                    }
                }
                try await group.waitForAll()
            }
            if let shell = shell as? LibSSHShell { #expect(shell.connections == 1) }
        }
    }

    /// The one fills what its reader leaves it, and waits; another goes on beside it.
    @Test(arguments: Transport.allCases)
    func aStalledReaderHoldsUpNobodyElse(_ transport: Transport) async throws {
        try await withShell(transport) { shell, fixture, _ in
            let count = "\(fixture.path)/count"
            let stalled = try await shell.open("dd if=/dev/zero bs=64k count=1600 2>\(count)")
            _ = try await stalled.readExactly(1)
            for _ in 0..<20 {
                let output = try await shell.output(of: "cat", input: Array("quick".utf8))
                #expect(output.text == "quick")
            }
            // What `dd` says when it is through.
            let said = try String(contentsOfFile: count, encoding: .utf8)
            #expect(said.isEmpty)
            let rest = try await stalled.readToEnd()
            #expect(rest.count == 1600 * 65_536 - 1)
            await stalled.close()
        }
    }

    /// The command ends, though nobody reads what it says.
    @Test(arguments: Transport.allCases)
    func closingEndsTheCommand(_ transport: Transport) async throws {
        try await withShell(transport) { shell, fixture, _ in
            let mark = "\(fixture.path)/ended"
            let stream = try await shell.open("trap 'touch \(mark)' EXIT; echo x; cat; yes")
            _ = try await stream.readExactly(2)
            await stream.close()
            #expect(await eventually { FileManager.default.fileExists(atPath: mark) })
            await #expect(throws: StreamError.self) { try await stream.read(atMost: 10) }
        }
    }

    @Test(arguments: Transport.allCases)
    func whatWasWrittenBeforeACloseArrives(_ transport: Transport) async throws {
        try await withShell(transport) { shell, fixture, _ in
            let file = "\(fixture.path)/file"
            let stream = try await shell.open("cat > \(file)")
            try await stream.write([UInt8](repeating: 7, count: 900_000))
            await stream.close()
            #expect(
                await eventually {
                    FileManager.default.contents(atPath: file)?.count == 900_000
                })
        }
    }

    @Test(arguments: Transport.allCases)
    func aKilledServerFailsItsStreams(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, server in
            let stream = try await shell.open("echo x; cat")
            _ = try await stream.readExactly(2)
            try server.signalSessions()
            await #expect(throws: (any Error).self) { _ = try await stream.readToEnd() }
            #expect(await stream.exit() == nil)
            await stream.close()
            // The next stream finds a new connection.
            #expect(try await shell.output(of: "echo again").text == "again\n")
        }
    }

    @Test(arguments: Transport.allCases)
    func aCommandIsReadByTheLoginShell(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            let output = try await shell.output(of: "x='a  b'; printf '%s|' \"$x\" $x 'ü\"'")
            #expect(output.text == "a  b|a|b|ü\"|")
        }
    }

    @Test(arguments: Transport.allCases)
    func nothingOpensAfterTheEnd(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            let stream = try await shell.open("cat")
            await shell.close()
            #expect(await shell.failure()?.code == .lost)
            await stream.close()
        }
    }

    @Test(arguments: Transport.allCases)
    func aWaitingReaderCanBeCancelled(_ transport: Transport) async throws {
        try await withShell(transport) { shell, _, _ in
            let stream = try await shell.open("echo x; cat")
            _ = try await stream.readExactly(2)
            let reading = Task { try await stream.read(atMost: 1) }
            let ending = Task { await stream.exit() }
            reading.cancel()
            ending.cancel()
            await #expect(throws: CancellationError.self) { _ = try await reading.value }
            #expect(await ending.value == nil)
            await stream.close()
        }
    }
}
