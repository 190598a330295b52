internal import Glibc

/// An IPv4 address and a port of TCP. All of 127.0.0.0/8 is this machine, so that every server of
/// the lab can have an address of its own.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// In dotted form.
    package var address: String
    package var port: UInt16

    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `ADDRESS:PORT`.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = UInt16(parts[1]),
            inet_addr(String(parts[0])) != in_addr_t.max
        else { return nil }
        self.init(address: String(parts[0]), port: port)
    }

    package var description: String { "\(address):\(port)" }
}
