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

/// A repeatable source of randomness. Its seed is printed, and taken back from `SHUNT_SEED`.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    static func forTest(_ name: String = #function) -> SeededGenerator {
        let given = getenv("SHUNT_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("\(name): SHUNT_SEED=\(seed)")
        return SeededGenerator(state: seed)
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: next()) }
            initialized = count
        }
    }
}
