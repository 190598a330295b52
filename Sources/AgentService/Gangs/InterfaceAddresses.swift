internal import Glibc
internal import JobModel

/// The addresses at which this machine may be reached by others.
enum InterfaceAddresses {
    /// Those of its interfaces that are up, the likeliest first: version 4 before version 6, and
    /// last those of bridges, which lead to containers and virtual machines here, and the one that
    /// leads to this machine alone. At most ``GangLimits/addresses``.
    static func all() -> [String] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [loopback] }
        defer { freeifaddrs(list) }
        var found: [(rank: Int, text: String)] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            let flags = Int32(bitPattern: entry.pointee.ifa_flags)
            let isUp = flags & Int32(IFF_UP) != 0
            guard isUp, flags & Int32(IFF_LOOPBACK) == 0,
                let address = entry.pointee.ifa_addr, let text = text(of: address)
            else { continue }
            let name = String(cString: entry.pointee.ifa_name)
            let isSix = Int32(address.pointee.sa_family) == AF_INET6
            found.append((rank: (isInner(name) ? 2 : 0) + (isSix ? 1 : 0), text: text))
        }
        var seen: Set<String> = []
        let sorted = found.enumerated().sorted {
            ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset)
        }
        let texts = sorted.map(\.element.text).filter { seen.insert($0).inserted }
        return texts.prefix(GangLimits.addresses - 1) + [loopback]
    }

    private static let loopback = "127.0.0.1"

    /// As container engines and hypervisors call their interfaces.
    private static func isInner(_ name: String) -> Bool {
        ["docker", "podman", "cni", "virbr", "veth", "br-", "lxc", "flannel"]
            .contains { name.hasPrefix($0) }
    }

    /// - Returns: `nil` for what is no IP address, or only means something with a zone.
    private static func text(of address: UnsafeMutablePointer<sockaddr>) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = Int32(address.pointee.sa_family)
        let raw = UnsafeRawPointer(address)
        let isRead: Bool
        switch family {
        case AF_INET:
            var four = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            isRead = inet_ntop(family, &four, &buffer, socklen_t(buffer.count)) != nil
        case AF_INET6:
            var six = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            isRead = inet_ntop(family, &six, &buffer, socklen_t(buffer.count)) != nil
        default: return nil
        }
        guard isRead else { return nil }
        let text = String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.hasPrefix("fe80:") ? nil : text
    }
}
