internal import JobModel
internal import Wire

/// The bytes of one journal record: a kind, then the parts of that kind, each with its length.
/// The parts are messages of the wire protocol, so a newer release reads what an older one wrote.
enum JournalCoding {
    private enum Kind: UInt8 {
        case fenced = 1
        case accepted = 2
        case revoked = 3
        case started = 4
        case stopRequested = 5
        case ended = 6
        case finished = 7
        case acknowledged = 8
    }

    /// What cannot be read: the journal comes from a newer release, or is damaged.
    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    static func encode(_ record: AgentRecord) -> [UInt8] {
        var writer = Writer()
        switch record {
        case .fenced(let coordinator, let fence):
            writer.kind(.fenced)
            writer.part(Array(coordinator.text.utf8))
            writer.part(RecordCoding.encode(fence))
        case .accepted(let order, let at):
            writer.kind(.accepted)
            writer.part(RecordCoding.encode(order))
            writer.number(at.milliseconds)
        case .revoked(let token):
            writer.kind(.revoked)
            writer.part(RecordCoding.encode(token))
        case .started(let token, let process, let at):
            writer.kind(.started)
            writer.part(RecordCoding.encode(token))
            writer.part(RecordCoding.encode(process))
            writer.number(at.milliseconds)
        case .stopRequested(let token, let stop):
            writer.kind(.stopRequested)
            writer.part(RecordCoding.encode(token))
            writer.part(Array(stop.cause.rawValue.utf8))
            writer.number(stop.grace.count)
        case .ended(let token, let ending, let at):
            writer.kind(.ended)
            writer.part(RecordCoding.encode(token))
            writer.part(RecordCoding.encode(ending.exit))
            writer.part(Array((ending.cause?.rawValue ?? "").utf8))
            writer.number(at.milliseconds)
        case .finished(let token, let result, let at):
            writer.kind(.finished)
            writer.part(RecordCoding.encode(token))
            writer.part(RecordCoding.encode(result))
            writer.number(at.milliseconds)
        case .acknowledged(let token):
            writer.kind(.acknowledged)
            writer.part(RecordCoding.encode(token))
        }
        return writer.bytes
    }

    static func decode(_ bytes: [UInt8]) throws -> AgentRecord {
        var reader = Reader(bytes: bytes)
        let raw = try reader.byte()
        guard let kind = Kind(rawValue: raw) else {
            throw Unreadable(description: "unknown record kind \(raw)")
        }
        switch kind {
        case .fenced:
            let text = try reader.text()
            guard let coordinator = CoordinatorID(text) else {
                throw Unreadable(description: "`\(text)` is no coordinator")
            }
            return .fenced(
                coordinator, try RecordCoding.decode(Fence.self, from: try reader.part()))
        case .accepted:
            let order = try RecordCoding.decode(StartOrder.self, from: try reader.part())
            return .accepted(order, at: try reader.time())
        case .revoked: return .revoked(try reader.token())
        case .started:
            let token = try reader.token()
            let process = try RecordCoding.decode(TaskProcess.self, from: try reader.part())
            return .started(token, process, at: try reader.time())
        case .stopRequested:
            let token = try reader.token()
            guard let cause = StopCause(rawValue: try reader.text()) else {
                throw Unreadable(description: "a stop without a known cause")
            }
            let grace = Milliseconds(max(0, try reader.number()))
            return .stopRequested(token, StopOrder(cause: cause, grace: grace))
        case .ended:
            let token = try reader.token()
            let exit = try RecordCoding.decode(ExitStatus.self, from: try reader.part())
            let cause = StopCause(rawValue: try reader.text())
            return .ended(
                token, TaskEnding(exit: exit, cause: cause), at: try reader.time())
        case .finished:
            let token = try reader.token()
            let result = try RecordCoding.decode(TaskResult.self, from: try reader.part())
            return .finished(token, result, at: try reader.time())
        case .acknowledged: return .acknowledged(try reader.token())
        }
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func kind(_ kind: Kind) { bytes.append(kind.rawValue) }

        mutating func part(_ part: [UInt8]) {
            withUnsafeBytes(of: UInt32(part.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes += part
        }

        mutating func number(_ number: Int64) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func byte() throws -> UInt8 { try take(1)[0] }

        mutating func part() throws -> [UInt8] {
            let length = try take(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            return try take(length)
        }

        mutating func text() throws -> String { String(decoding: try part(), as: UTF8.self) }

        mutating func token() throws -> StartToken {
            try RecordCoding.decode(StartToken.self, from: try part())
        }

        mutating func number() throws -> Int64 {
            Int64(bitPattern: try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }

        mutating func time() throws -> WallTime { WallTime(milliseconds: try number()) }

        private mutating func take(_ count: Int) throws -> [UInt8] {
            guard count <= bytes.count - position else {
                throw Unreadable(description: "a record ends early")
            }
            defer { position += count }
            return Array(bytes[position..<position + count])
        }
    }
}
