import ByteStream
import Glibc

@testable import SSHTransport

extension ByteStream {
    /// Reads until the end of the stream.
    func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await read(atMost: 1 << 20)
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// Reads exactly `count` bytes.
    func readExactly(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let bytes = try await read(atMost: count - all.count)
            if bytes.isEmpty { throw FixtureError("the stream ended after \(all.count) bytes") }
            all += bytes
        }
        return all
    }
}

extension RemoteShell {
    /// Runs a command to its end.
    func output(of command: String, input: [UInt8] = []) async throws -> Output {
        let stream = try await open(command)
        do {
            if !input.isEmpty { try await stream.write(input) }
            stream.finishWriting()
            let bytes = try await stream.readToEnd()
            let exit = await stream.exit()
            let output = Output(
                text: String(decoding: bytes, as: UTF8.self), exit: exit,
                errors: String(decoding: stream.diagnostics, as: UTF8.self))
            await stream.close()
            return output
        } catch {
            await stream.close()
            throw error
        }
    }

    /// The error that a command ends in.
    func failure() async -> SSHError? {
        do {
            _ = try await output(of: "echo reached")
            return nil
        } catch {
            return error as? SSHError
        }
    }
}

struct Output: Equatable {
    var text: String
    var exit: RemoteExit?
    var errors: String
}
