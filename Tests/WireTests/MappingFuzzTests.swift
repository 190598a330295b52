import JobModel
import TestSupport
import Testing

@testable import Wire

/// Whatever bytes come, decoding gives a value or a ``WireError``; and a value that it gives can
/// be encoded and is then the same.
@Suite struct MappingFuzzTests {
    private static let rounds = 4000

    @Test func mutatedMessagesNeverTrap() throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<Self.rounds {
            var bytes =
                random.chance(2)
                ? encodedBytes(of: random.coordinatorMessage().proto)
                : encodedBytes(of: random.agentMessage().proto)
            Self.mutate(&bytes, &random)
            try Self.decodeAll(bytes)
        }
    }

    @Test func mutatedRecordsNeverTrap() throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<Self.rounds {
            var bytes = RecordCoding.encode(random.record())
            Self.mutate(&bytes, &random)
            try Self.decodeAll(bytes)
        }
    }

    @Test func mutatedBulkMessagesNeverTrap() throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<Self.rounds {
            var frame = try random.bulkMessage().frame()
            Self.mutate(&frame.header, &random)
            if random.chance(3) { Self.mutate(&frame.body, &random) }
            try Self.attempt {
                let message = try BulkMessage(frame)
                #expect(try BulkMessage(message.frame()) == message)
            }
        }
    }

    @Test func randomBytesNeverTrap() throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<Self.rounds {
            try Self.decodeAll(random.bytes(random.below(200)))
        }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0..<1 + random.below(4) {
            let index = random.below(bytes.count + 1)
            switch random.below(5) {
            case 0 where index < bytes.count: bytes[index] = UInt8(random.below(256))
            case 1 where index < bytes.count: bytes[index] ^= 1 << random.below(8)
            case 2: bytes.removeSubrange(index...)
            case 3: bytes.insert(contentsOf: random.bytes(random.below(12)), at: index)
            // The largest varint: numbers out of every range.
            default:
                bytes.insert(contentsOf: [UInt8](repeating: 0xFF, count: 9) + [1], at: index)
            }
        }
    }

    private static func decodeAll(_ bytes: [UInt8]) throws {
        try attempt {
            let proto = try decodedMessage(ProtoCoordinatorMessage.self, from: bytes)
            guard let value = try CoordinatorMessage.decoding(proto) else { return }
            #expect(try CoordinatorMessage.decoding(value.proto) == value)
        }
        try attempt {
            let proto = try decodedMessage(ProtoAgentMessage.self, from: bytes)
            guard let value = try AgentMessage.decoding(proto) else { return }
            #expect(try AgentMessage.decoding(value.proto) == value)
            if case .report(let report) = value { use(report) }
        }
        try attempt {
            let value = try RecordCoding.decode(AgentRecord.self, from: bytes)
            #expect(
                try RecordCoding.decode(AgentRecord.self, from: RecordCoding.encode(value))
                    == value)
        }
        try attempt { _ = try Hello(decodedMessage(ProtoHello.self, from: bytes)) }
        try attempt {
            let proto = try decodedMessage(ProtoHelloAnswer.self, from: bytes)
            switch proto.kind {
            case .welcome(let welcome): _ = try Welcome(welcome, reports: [])
            case .accepted(let accepted): _ = try Accepted(accepted)
            case .rejection(let rejection): _ = try Rejection(rejection).asShuntError
            case nil: break
            }
        }
    }

    /// What is done with a report later must not trap on what was let through.
    private static func use(_ report: TaskReport) {
        _ = report.result?.exit?.shellCode
        _ = report.startedAt?.description
        _ = report.result?.outputs.map { $0.totalSize + $0.totalSize }
    }

    private static func attempt(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch is WireError {
            // Refused, as it should be.
        }
    }
}
