internal import ByteStream

/// Opens the way to a server, directly or through a proxy.
struct Dialer {
    private let target: SSHTarget
    private let options: SSHOptions
    private let stop: StopSign

    init(_ target: SSHTarget, _ options: SSHOptions, _ stop: StopSign) {
        self.target = target
        self.options = options
        self.stop = stop
    }

    /// - Returns: the proxy, where there is one, and a connected socket that the caller owns.
    func dial(_ configuration: SSHConfiguration) throws(SSHError) -> (ProxyChild?, Int32) {
        guard configuration.way == .direct else {
            let (child, descriptor) = try ProxyChild.start(configuration, target, options)
            return (child, descriptor)
        }
        let limit = configuration.connectTimeout ?? options.times.connect
        let patience = Patience(until: .now + limit, stop: stop)
        return (nil, try TCPConnector.connect(configuration, patience).release())
    }
}
