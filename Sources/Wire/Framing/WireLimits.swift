/// Every bound of the protocol, in bytes where nothing else is said.
package enum WireLimits {
    /// The version that this release speaks. Two that differ do not talk.
    package static let protocolVersion: UInt32 = 5

    /// A frame's header.
    package static let header = 64 << 10
    /// A frame's body.
    package static let body = 1 << 20
    /// A control message, which is spread over several bodies where it is larger than a header.
    /// Linux hands a process at most 2 MiB of arguments and environment.
    package static let message = 4 << 20
    /// What may stand before the peer's preamble.
    package static let junk = 64 << 10
    /// Asked of a stream at once.
    package static let read = 256 << 10

    /// Reports that follow a welcome: as many tasks as one agent ever remembers.
    package static let reports = 65_536
    /// All reports of one welcome together.
    package static let reportBytes = 64 << 20
    /// Digests in one body.
    package static let digestsPerBody = body / 32
    /// Trees in one body.
    package static let treesPerBody = body / 64
    /// Objects packed into one frame: their digests and sizes fill half a header.
    package static let objectsPerFrame = 1024
    /// Things that one bitmap speaks of.
    package static let bitmap = body * 8

    /// Nodes of one job.
    package static let nodes = 65_536
    /// The longest wait that a reader of a log may ask for, in milliseconds.
    package static let logWait: UInt32 = 60_000
    /// Pages of a log that follow the first one of an answer.
    package static let furtherLogPages: UInt32 = 7
    /// Sizes and counts from a peer: adding up thousands of them stays below 2⁶³.
    package static let count: Int64 = 1 << 50
    /// The last moment that has a year of four digits, in milliseconds since 1970.
    package static let wallTime: Int64 = 253_402_300_799_999
}
