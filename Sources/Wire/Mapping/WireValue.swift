internal import JobModel
internal import SwiftProtobuf

/// A value of the model that has a message of its own. Encoding cannot fail; decoding checks all
/// that the value's type takes for granted, so that nothing from a peer can trap later.
protocol WireValue {
    associatedtype Proto: SwiftProtobuf.Message
    var proto: Proto { get }
    init(_ proto: Proto) throws(WireError)
}

extension WireValue {
    /// The message's bytes.
    var wireBytes: [UInt8] { encodedBytes(of: proto) }

    init(wireBytes: [UInt8]) throws(WireError) {
        try self.init(decodedMessage(Proto.self, from: wireBytes))
    }
}

/// The encoding of a message: always the same bytes for the same message, since none has a map.
func encodedBytes(of message: some SwiftProtobuf.Message) -> [UInt8] {
    do {
        return try message.serializedBytes()
    } catch {
        // Only for required fields, which proto3 lacks, and for messages over 2 GiB.
        preconditionFailure("a message of ours cannot be encoded: \(error)")
    }
}

func decodedMessage<Proto: SwiftProtobuf.Message>(
    _ type: Proto.Type, from bytes: [UInt8]
) throws(WireError) -> Proto {
    var options = BinaryDecodingOptions()
    // Our messages nest seven deep; unknown fields of a peer may do what they like.
    options.messageDepthLimit = 32
    options.discardUnknownFields = true
    do {
        return try Proto(serializedBytes: bytes, options: options)
    } catch {
        throw WireError.undecodable(message: Proto.protoMessageName)
    }
}

/// Checks of single fields.
enum Field {
    static func required<Value>(_ value: Value?, _ field: String) throws(WireError) -> Value {
        guard let value else { throw WireError.missing(field: field) }
        return value
    }

    static func digest(_ hex: String, _ field: String) throws(WireError) -> Digest {
        guard let digest = Digest(hex: hex) else { throw WireError.invalid(field, hex) }
        return digest
    }

    static func identifier<ID: TextIdentifier>(
        _ text: String, _ field: String
    ) throws(WireError) -> ID {
        guard let value = ID(text) else { throw WireError.invalid(field, text) }
        return value
    }

    static func number<Number: FixedWidthInteger>(
        _ value: Number, in range: ClosedRange<Number>, _ field: String
    ) throws(WireError) -> Number {
        guard range.contains(value) else { throw WireError.invalid(field, value) }
        return value
    }

    static func count(_ value: Int64, _ field: String) throws(WireError) -> Int64 {
        try number(value, in: 0...WireLimits.count, field)
    }

    static func byteCount(_ value: Int64, _ field: String) throws(WireError) -> ByteCount {
        ByteCount(try count(value, field))
    }

    static func milliseconds(_ value: Int64, _ field: String) throws(WireError) -> Milliseconds {
        Milliseconds(try count(value, field))
    }

    static func wallTime(_ value: Int64, _ field: String) throws(WireError) -> WallTime {
        WallTime(milliseconds: try number(value, in: 0...WireLimits.wallTime, field))
    }

    /// The case that `code` stands for. The table runs one way only, without a `default:`, so that
    /// the two directions cannot disagree.
    static func choice<Value: CaseIterable, Code: SwiftProtobuf.Enum>(
        _ code: Code, _ field: String, _ table: (Value) -> Code
    ) throws(WireError) -> Value {
        for value in Value.allCases where table(value) == code { return value }
        throw WireError.unknown(field: field, raw: code.rawValue)
    }
}
