internal import Glibc

/// A path, or one name of it, as the bytes the kernel keeps: never decoded, since file names need
/// not be UTF-8. Inside trees paths are relative, with single slashes and no `.` or `..`; outside
/// (a store's directory, the target of a checkout) any path that the kernel takes.
///
/// Ordered by bytes. ``description`` is for people only and cannot be turned back.
package struct RawPath: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }
    package init(_ text: String) { self.bytes = Array(text.utf8) }

    /// The directory that a relative path starts from.
    package static let root = RawPath([])

    package var isEmpty: Bool { bytes.isEmpty }

    /// The path of `name` in this directory; for ``root`` the name itself.
    package func appending(_ name: [UInt8]) -> RawPath {
        guard !bytes.isEmpty else { return RawPath(name) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 1 + name.count)
        result += bytes
        if bytes.last != UInt8(ascii: "/") { result.append(UInt8(ascii: "/")) }
        result += name
        return RawPath(result)
    }

    /// The path of `name` below this one; `name` is ours, not a file system's.
    package func appending(_ name: String) -> RawPath { appending(Array(name.utf8)) }

    /// The names between the slashes; empty ones are left out.
    package var components: [ArraySlice<UInt8>] {
        bytes.split(separator: UInt8(ascii: "/"))
    }

    /// What stands after the last slash.
    package var lastComponent: [UInt8] {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return bytes }
        return Array(bytes[(slash + 1)...])
    }

    /// What stands before the last slash: ``root`` for a name alone, `/` for a child of `/`.
    package var parent: RawPath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return .root }
        return slash == 0 ? RawPath([UInt8(ascii: "/")]) : RawPath(bytes[..<slash])
    }

    /// Whether this path is `other` or lies beneath it.
    package func isInside(_ other: RawPath) -> Bool {
        if other.isEmpty { return true }
        guard bytes.starts(with: other.bytes) else { return false }
        return bytes.count == other.bytes.count || bytes[other.bytes.count] == UInt8(ascii: "/")
    }

    /// Calls `body` with the path as a C string.
    ///
    /// - Precondition: the path holds no NUL; whoever takes names from a peer checks that first.
    package func withCString<Result, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withTerminated(bytes, body)
    }
}

extension RawPath: Comparable {
    package static func < (left: RawPath, right: RawPath) -> Bool {
        left.bytes.precedes(right.bytes)
    }
}

extension [UInt8] {
    /// Byte order, by `memcmp`: the order of names in a directory object and of paths in a list.
    func precedes(_ other: [UInt8]) -> Bool {
        let order = withUnsafeBytes { left in
            other.withUnsafeBytes { right in
                let common = Swift.min(left.count, right.count)
                return common == 0 ? 0 : memcmp(left.baseAddress!, right.baseAddress!, common)
            }
        }
        return order != 0 ? order < 0 : count < other.count
    }
}

extension RawPath: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(value) }
}

extension RawPath: CustomStringConvertible {
    /// UTF-8 as it is; control characters, backslashes, backquotes and what is not UTF-8 as
    /// `\n`, `\\` or `\xNN`, so that a name stays on its line and cannot speak to a terminal.
    package var description: String {
        isEmpty ? "." : escapedForPeople(bytes)
    }
}

/// Spells raw bytes as one line of printable text; see ``RawPath/description``.
package func escapedForPeople(_ bytes: some Collection<UInt8>) -> String {
    func hex(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.count == 1 ? "0" : "") + digits
    }
    var result = ""
    var decoder = UTF8()
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        var iterator = rest.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else {
            result += hex(rest.removeFirst())
            decoder = UTF8()
            continue
        }
        let width = UTF8.width(scalar)
        switch scalar {
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case "\\": result += "\\\\"
        case "`": result += "\\x60"
        default:
            if scalar.properties.isPrintable {
                result.unicodeScalars.append(scalar)
            } else {
                result += rest.prefix(width).map(hex).joined()
            }
        }
        rest = rest.dropFirst(width)
        decoder = UTF8()
    }
    return result
}

extension Unicode.Scalar.Properties {
    /// Whether a terminal shows the scalar and does nothing else: no controls, no bidirectional
    /// overrides, no line separators, nothing unassigned.
    fileprivate var isPrintable: Bool {
        switch generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator:
            false
        default: true
        }
    }
}

/// Calls `body` with `bytes` and a NUL behind them. Short names, nearly all, stay on the stack.
func withTerminated<Bytes: RandomAccessCollection<UInt8>, Result, Failure: Error>(
    _ bytes: Bytes, _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
) throws(Failure) -> Result {
    var outcome: Swift.Result<Result, Failure>?
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + 1) { buffer in
        let end = buffer.initialize(fromContentsOf: bytes)
        buffer[end] = 0
        precondition(
            memchr(buffer.baseAddress!, 0, bytes.count) == nil,
            "a path with a NUL reached the kernel's door")
        buffer.withMemoryRebound(to: CChar.self) { text in
            // The buffer has at least one element, so it has an address.
            let pointer = UnsafePointer(text.baseAddress!)
            do throws(Failure) {
                outcome = .success(try body(pointer))
            } catch {
                outcome = .failure(error)
            }
        }
    }
    // The closure above ran exactly once.
    return try outcome!.get()
}
