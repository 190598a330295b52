package import JobModel
package import SSHTransport

extension SSHTarget {
    /// The target that a worker's record names.
    ///
    /// - Throws: ``SSHError`` for an address that names no host.
    package init(_ address: WorkerAddress) throws(SSHError) {
        try self.init(
            destination: address.destination, port: address.port.map(Int.init),
            configurationFile: address.configurationFile)
    }
}

extension ShuntError {
    /// What went wrong with SSH, in the shape of every other error.
    ///
    /// - Parameter command: how the worker is added, for hints that say to do that with something
    ///   more: the transport knows the destination and not what the worker is called.
    package init(_ error: SSHError, addedBy command: String? = nil) {
        var hint = error.hint
        let prefix = "shunt worker add NAME "
        if let command, let text = hint, text.hasPrefix(prefix) {
            // Behind the placeholder stands the destination, which `command` has.
            let rest = text.dropFirst(prefix.count).split(separator: " ", maxSplits: 1).dropFirst()
            hint = ([command] + rest.map(String.init)).joined(separator: " ")
        }
        self.init(error.code.asShuntCode, error.message, hint: hint)
    }
}

extension SSHError.Code {
    fileprivate var asShuntCode: ShuntError.Code {
        switch self {
        case .nameNotResolved, .refusedConnection, .timedOut, .unreachable, .notSSH, .handshake,
            .proxy, .sessionLimit, .lost, .needsLogin:
            .unreachable
        case .hostKeyUnknown, .hostKeyChanged, .hostKeyRevoked, .hostKeyType: .refused
        case .configuration, .unsupported: .usage
        case .missingProgram: .failed
        }
    }
}
