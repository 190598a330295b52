internal import FoundationEssentials
internal import Glibc
package import JobModel

/// What a coordinator that is being started tells the command that started it, over the descriptor
/// that `shunt coordinator serve --startup-report FD` names: one JSON value, then end of file. A
/// coordinator that dies before it could say anything gives the end of file alone.
package enum StartupReport: Hashable, Sendable, Codable {
    /// The socket is bound; requests are being answered.
    case ready
    /// Another coordinator holds the lock of this home: it is the one to talk to.
    case alreadyRunning
    case failed(ShuntError)

    /// Writes the report and closes the descriptor.
    package func write(to descriptor: Int32) {
        defer { _ = close(descriptor) }
        // Encoding strings cannot fail, and a reader that is gone needs no report.
        guard let data = try? JSONEncoder().encode(self) else { return }
        var rest = [UInt8](data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// - Returns: `nil` for what is not a whole report.
    static func decode(_ bytes: [UInt8]) -> StartupReport? {
        // A report that was cut short is the same as none: the coordinator died.
        try? JSONDecoder().decode(StartupReport.self, from: Data(bytes))
    }
}
