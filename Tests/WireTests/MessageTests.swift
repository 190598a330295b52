import ByteStream
import JobModel
import SwiftProtobuf
import TestSupport
import Testing

@testable import Wire

@Suite struct MessageTests {
    @Test func everyCoordinatorMessageComesBack() async throws {
        var random = SeededGenerator.forTest()
        let (coordinator, agent) = try await controlPair(&random)
        for _ in 0..<500 {
            let message = random.coordinatorMessage()
            try await coordinator.send(message)
            #expect(try await agent.receive() == message)
        }
        await coordinator.close()
        #expect(try await agent.receive() == nil)
    }

    @Test func everyAgentMessageComesBack() async throws {
        var random = SeededGenerator.forTest()
        let (coordinator, agent) = try await controlPair(&random)
        for _ in 0..<500 {
            let message = random.agentMessage()
            try await agent.send(message)
            #expect(try await coordinator.receive() == message)
        }
        await agent.close()
        #expect(try await coordinator.receive() == nil)
    }

    @Test func everyBulkMessageComesBackWithItsBody() async throws {
        var random = SeededGenerator.forTest()
        let (near, far) = try await bulkPair(&random)
        for _ in 0..<1000 {
            let message = random.bulkMessage()
            try await near.send(message)
            #expect(try await far.receive() == message)
        }
        #expect(near.bytesSent == far.bytesReceived)
    }

    @Test func recordsComeBackAndEqualOnesHaveEqualBytes() throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<1000 {
            let record = random.record()
            let bytes = RecordCoding.encode(record)
            #expect(try RecordCoding.decode(AgentRecord.self, from: bytes) == record)
            #expect(RecordCoding.encode(record) == bytes)
            let order = random.order()
            #expect(
                try RecordCoding.decode(StartOrder.self, from: RecordCoding.encode(order)) == order)
            let report = random.report()
            #expect(
                try RecordCoding.decode(TaskReport.self, from: RecordCoding.encode(report))
                    == report)
            let result = random.result()
            #expect(
                try RecordCoding.decode(TaskResult.self, from: RecordCoding.encode(result))
                    == result)
            let process = random.process()
            #expect(
                try RecordCoding.decode(TaskProcess.self, from: RecordCoding.encode(process))
                    == process)
        }
    }

    @Test(arguments: [60 << 10, 70 << 10, 1 << 20, 3 << 20])
    func aStartOrderLargerThanAHeaderTravelsInBodies(size: Int) async throws {
        var random = SeededGenerator.forTest()
        let (coordinator, agent) = try await controlPair(&random)
        var order = random.order()
        order.spec.environment = (0..<size / 1000).map {
            .init(name: "V\($0)", value: String(repeating: "v", count: 990))
        }
        async let sent: Void = coordinator.send(.start(order))
        #expect(try await agent.receive() == .start(order))
        try await sent
        // What comes after it is found.
        try await coordinator.send(.ping(7))
        #expect(try await agent.receive() == .ping(7))
    }

    @Test func aMessageOverTheLimitIsRefusedByItsSender() async throws {
        var random = SeededGenerator.forTest()
        let (coordinator, _) = try await controlPair(&random)
        var order = random.order()
        order.spec.outputs = [String(repeating: "x", count: WireLimits.message)]
        let tooLarge = CoordinatorMessage.start(order)
        await #expect(throws: WireError.self) { try await coordinator.send(tooLarge) }
    }

    @Test func kindsOfANewerReleaseAreSkippedOnAControlStream() async throws {
        let random = SeededGenerator.forTest()
        // Field 14, length-delimited, two bytes: nobody knows it.
        let future = Frame(header: [14 << 3 | 2, 2, 1, 2])
        let ping = Frame(header: encodedBytes(of: CoordinatorMessage.ping(9).proto))
        let frames = FrameConnection(
            ScriptedStream(try future.encoded() + ping.encoded(), random))
        #expect(try await frames.receive(CoordinatorMessage.self) == .ping(9))
    }

    @Test func anUnknownEnumerationValueIsATypedError() throws {
        var random = SeededGenerator.forTest()
        var report = random.report().proto
        report.phase = .UNRECOGNIZED(99)
        #expect(throws: WireError.unknown(field: "report.phase", raw: 99)) {
            try TaskReport(report)
        }
        report.phase = .unspecified
        #expect(throws: WireError.unknown(field: "report.phase", raw: 0)) {
            try TaskReport(report)
        }
        // The code of a failure is the exception: the message still says what happened.
        var failure = random.error().proto
        failure.code = .UNRECOGNIZED(99)
        #expect(try ShuntError(failure).code == .failed)
    }

    @Test func afterAMessageThatCannotBeUnderstoodTheNextOneCan() async throws {
        let random = SeededGenerator.forTest()
        var bad = CoordinatorMessage.ping(1).proto
        bad.go.token.task = "../../etc"
        let frames = FrameConnection(
            ScriptedStream(
                try Frame(header: encodedBytes(of: bad)).encoded()
                    + Frame(header: [0xFF, 0xFF]).encoded()
                    + Frame(header: encodedBytes(of: CoordinatorMessage.ping(2).proto)).encoded(),
                random))
        await #expect(throws: WireError.self) {
            try await frames.receive(CoordinatorMessage.self)
        }
        await #expect(throws: WireError.self) {
            try await frames.receive(CoordinatorMessage.self)
        }
        #expect(try await frames.receive(CoordinatorMessage.self) == .ping(2))
    }
}

/// Values that would trap or do harm later if they were believed.
@Suite struct HostileValueTests {
    @Test func numbersOutOfRangeAreRefused() throws {
        var random = SeededGenerator.forTest()
        let order = random.order()
        var proto = order.proto
        proto.spec.resources.memoryBytes = -1
        #expect(throws: WireError.self) { try StartOrder(proto) }
        proto = order.proto
        proto.spec.resources.milliCpus = .max
        #expect(throws: WireError.self) { try StartOrder(proto) }
        proto = order.proto
        proto.spec.gracePeriodMs = .min
        #expect(throws: WireError.self) { try StartOrder(proto) }
        proto = order.proto
        proto.nodeCount = 0
        #expect(throws: WireError.self) { try StartOrder(proto) }
        proto = order.proto
        proto.spec.arguments.elements = []
        #expect(throws: WireError.self) { try StartOrder(proto) }
    }

    @Test(arguments: [Int32(0), 1, -1, .min])
    func aProcessThatIsNoneOfOursIsRefused(pid: Int32) {
        var random = SeededGenerator.forTest()
        var proto = random.process().proto
        proto.pid = pid
        #expect(throws: WireError.self) { try TaskProcess(proto) }
    }

    @Test func anExitCodeThatOverflowsAShellsIsRefused() {
        var proto = ProtoExitStatus()
        proto.signal = .max
        #expect(throws: WireError.self) { try ExitStatus(proto) }
        proto.exitCode = 256
        #expect(throws: WireError.self) { try ExitStatus(proto) }
    }

    @Test func sizesThatDoNotAddUpAreRefused() throws {
        var random = SeededGenerator.forTest()
        let digest = random.digest()
        var proto = ProtoBulkMessage()
        proto.objectPart.sha256 = digest.hex
        proto.objectPart.partBytes = 10
        proto.objectPart.objectBytes = 20
        proto.objectPart.offset = 11
        let body = [UInt8](repeating: 0, count: 10)
        func decode() throws {
            _ = try BulkMessage(Frame(header: encodedBytes(of: proto), body: body))
        }
        #expect(throws: WireError.self) { try decode() }
        proto.objectPart.offset = .max
        #expect(throws: WireError.self) { try decode() }
        proto.objectPart.offset = 10
        try decode()
        proto.objectPart.partBytes = 9
        #expect(throws: WireError.self) { try decode() }

        proto.objects.sizes = [5, 6]
        proto.objects.sha256Words = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(throws: WireError.self) { try decode() }
        proto.objects.sizes = [5, 5]
        try decode()
        proto.objects.sha256Words = [1, 2, 3, 4, 5, 6, 7]
        #expect(throws: WireError.self) { try decode() }
        proto.objects.sizes = [UInt32.max, 5]
        proto.objects.sha256Words = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(throws: WireError.self) { try decode() }

        proto.bitmap.count = 81
        #expect(throws: WireError.self) { try decode() }
    }
}
