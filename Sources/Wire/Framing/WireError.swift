/// What a peer said that cannot be understood, or how it stopped in the middle of it.
///
/// After ``undecodable(message:)``, ``missing(field:)``, ``invalid(field:value:)``,
/// ``unknown(field:raw:)`` and ``unexpected(_:)`` the stream still stands at the start of a frame,
/// so that a receiver may drop the message and go on. After the others it is of no more use.
package enum WireError: Error, Hashable, Sendable {
    /// A frame, message or list larger than the protocol allows, from a peer or to it.
    case oversized(part: String, length: Int, limit: Int)
    /// The stream ended inside something.
    case truncated
    /// None of the first bytes were a preamble of ours: something else answers there.
    case noPreamble(skipped: Int)
    /// Not an encoding of this message.
    case undecodable(message: String)
    case missing(field: String)
    /// Decoded, but outside the field's grammar or range.
    case invalid(field: String, value: String)
    /// A value from a newer release.
    case unknown(field: String, raw: Int)
    /// A message that has no place at this point of the conversation.
    case unexpected(String)

    /// Values come from peers and end in logs: they are cut.
    static func invalid(_ field: String, _ value: some CustomStringConvertible) -> WireError {
        .invalid(field: field, value: String(value.description.prefix(80)))
    }
}

extension WireError: CustomStringConvertible {
    /// One line without a full stop, fit for the message of an error that a person reads.
    package var description: String {
        switch self {
        case .oversized(let part, let length, let limit):
            "a \(part) of \(length) is over the limit of \(limit)"
        case .truncated: "the connection ended in the middle of a message"
        case .noPreamble(let skipped):
            "no agent answered: \(skipped) bytes of something else came"
        case .undecodable(let message): "a `\(message)` cannot be decoded"
        case .missing(let field): "`\(field)` is missing"
        case .invalid(let field, let value): "`\(value)` is not valid for `\(field)`"
        case .unknown(let field, let raw): "`\(field)` has the unknown value \(raw)"
        case .unexpected(let what): "`\(what)` has no place at this point"
        }
    }
}
