import ByteStream
import JobModel

@testable import Wire
import TestSupport

extension SeededGenerator {
    mutating func hello(_ role: Hello.Role) -> Hello {
        Hello(coordinator: coordinator(), fence: fence(), role: role, release: text())
    }
}

/// Only a hang takes this long, even on a machine that is busy with other things.
let longEnough = Duration.seconds(240)

/// Both ends of a control stream after a handshake.
func controlPair(
    _ random: inout SeededGenerator
) async throws -> (ControlConnection, AgentControlConnection) {
    let (near, far) = MemoryStream.pair()
    let hello = random.hello(.control)
    let welcome = random.welcome(reports: 0)
    async let agent = Handshake.receiveHello(over: far, within: longEnough)
        .welcome(welcome, within: longEnough)
    let (coordinator, _) = try await Handshake.openControl(
        over: near, hello, within: longEnough)
    return (coordinator, try await agent)
}

/// Both ends of a bulk stream after a handshake.
func bulkPair(
    _ random: inout SeededGenerator
) async throws -> (BulkConnection, BulkConnection) {
    let (near, far) = MemoryStream.pair()
    let hello = random.hello(.bulk)
    let accepted = Accepted(agent: AgentID(high: 1, low: 2), release: "1.0")
    async let agent = Handshake.receiveHello(over: far, within: longEnough)
        .accept(accepted, within: longEnough)
    let (coordinator, _) = try await Handshake.openBulk(over: near, hello, within: longEnough)
    return (coordinator, try await agent)
}

/// A stream that delivers what it was given in pieces of random length, and then ends.
final class ScriptedStream: ByteStream {
    private let script: Script
    private actor Script {
        var rest: ArraySlice<UInt8>
        var random: SeededGenerator
        init(_ bytes: [UInt8], _ random: SeededGenerator) {
            rest = bytes[...]
            self.random = random
        }
        func next(_ limit: Int) -> [UInt8] {
            let piece = rest.prefix(min(limit, 1 + random.below(random.pick([1, 20, 100_000]))))
            rest = rest.dropFirst(piece.count)
            return Array(piece)
        }
    }

    init(_ bytes: [UInt8], _ random: SeededGenerator) { script = Script(bytes, random) }

    func read(atMost limit: Int) async throws -> [UInt8] { await script.next(limit) }
    func write(_ bytes: [UInt8]) async throws {}
    func close() async {}
}
