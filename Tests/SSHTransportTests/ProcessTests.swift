import ByteStream
import Foundation
import Testing

@testable import SSHTransport

/// Children, and the descriptors that they and libssh's connections have.
@Suite(.timeLimit(.minutes(2))) struct ProcessTests {
    /// libssh makes its socket blocking, and leaves it to children.
    @Test func theSocketOfAConnectionNeitherBlocksNorIsInherited() async throws {
        try await withShell(.libssh) { shell, _, server in
            let stream = try await shell.open("cat")
            let sockets = (0..<256).filter { Self.peerPort(of: Int32($0)) == server.port }
            #expect(sockets.count == 1)
            for socket in sockets.map(Int32.init) {
                #expect(fcntl(socket, F_GETFL) & O_NONBLOCK != 0)
                #expect(fcntl(socket, F_GETFD) & FD_CLOEXEC != 0)
            }
            await stream.close()
            await shell.close()
            #expect((0..<256).allSatisfy { Self.peerPort(of: Int32($0)) != server.port })
        }
    }

    @Test func aChildHasItsThreeStreamsAlone() throws {
        let inherited = open("/dev/null", O_RDONLY)
        defer { close(inherited) }
        let outcome = try BoundedCommand.run(
            ["ls", "/proc/self/fd"], limit: 1000, Patience(until: .now + .seconds(10)))
        // The fourth is the directory that `ls` lists.
        #expect(outcome.output.elementsEqual("0\n1\n2\n3\n".utf8))
        #expect(outcome.ending == .code(0))
    }

    @Test func aChildThatSaysTooMuchOrTakesTooLongIsEnded() throws {
        let patience = Patience(until: .now + .seconds(10))
        #expect(try BoundedCommand.run(["yes"], limit: 1000, patience).ending == nil)
        let short = Patience(until: .now + .milliseconds(100))
        #expect(try BoundedCommand.run(["sleep", "60"], limit: 1000, short).ending == nil)
    }

    @Test func aProgramThatIsNotThereIsSaidSo() {
        let error = #expect(throws: SSHError.self) {
            try BoundedCommand.run(
                ["no-such-program-here"], limit: 10, Patience(until: .now + .seconds(1)))
        }
        #expect(error?.code == .missingProgram)
    }

    @Test func aChildThatWillNotEndIsEndedByForce() async throws {
        let null = try SocketPair.null()
        let output = try SocketPair()
        let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
        let child = try ChildProcess(
            .init(
                words: ["/bin/sh", "-c", script], input: null.raw, output: output.theirs.raw,
                errors: null.raw))
        let ours = output.keepOurs()
        let patience = Patience(until: .now + .seconds(10))
        #expect(patience.wait(for: ours.raw, POLLIN) == .ready)
        await child.end(within: .milliseconds(200))
        #expect(child.ended.current == .signal(SIGKILL))
    }

    private static func peerPort(of descriptor: Int32) -> Int? {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &length)
            }
        }
        guard result == 0, name.sin_family == sa_family_t(AF_INET) else { return nil }
        return Int(in_port_t(bigEndian: name.sin_port))
    }
}
