internal import FoundationEssentials
internal import Glibc
package import JobModel
internal import Synchronization

/// What a coordinator that is being started tells the command that started it, over the descriptor
/// that `shunt coordinator serve --startup-report FD` names: one JSON value, then end of file. A
/// coordinator that dies before it could say anything gives the end of file alone.
package enum StartupReport: Hashable, Sendable, Codable {
    /// The socket is bound; requests are being answered.
    case ready
    /// Another coordinator holds the lock of this home: it is the one to talk to.
    case alreadyRunning
    case failed(ShuntError)

    /// - Returns: `nil` for what is not a whole report.
    static func decode(_ bytes: [UInt8]) -> StartupReport? {
        // A report that was cut short is the same as none: the coordinator died.
        try? JSONDecoder().decode(StartupReport.self, from: Data(bytes))
    }
}

/// The end of a starting coordinator on which it reports, once. Owns its descriptor, and has none
/// where the coordinator was started by a person.
package final class StartupChannel: Sendable {
    private let descriptor: Mutex<Int32?>

    /// - Parameter descriptor: taken over, and kept from processes that are started.
    package init(descriptor: Int32?) {
        if let descriptor { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        if let descriptor = descriptor.withLock({ $0.take() }) { close(descriptor) }
    }

    /// Sends the report and closes the descriptor; does nothing after the first time.
    package func send(_ report: StartupReport) {
        guard let descriptor = descriptor.withLock({ $0.take() }) else { return }
        defer { close(descriptor) }
        // Encoding strings cannot fail, and a reader that is gone needs no report.
        guard let data = try? JSONEncoder().encode(report) else { return }
        var rest = [UInt8](data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
