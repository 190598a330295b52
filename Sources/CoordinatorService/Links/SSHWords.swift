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
    package init(_ error: SSHError) {
        self.init(error.code.asShuntCode, error.message, hint: error.hint)
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
