import ByteStream
import Foundation

@testable import SSHTransport

/// A real sshd on a loopback address, in the foreground, with host keys of its own.
final class TestServer {
    let address: String
    let port: Int
    let directory: String
    let publicHostKeys: [String]
    private let process: ChildProcess

    init(
        number: Int, fixture: Fixture, address: String, hostKeys: [String], options: [String]
    ) throws {
        self.address = address
        port = try FreePort.find(on: address)
        directory = "\(fixture.path)/sshd\(number)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false)
        var files: [String] = []
        for type in hostKeys {
            let file = "\(directory)/host_\(type)"
            try fixture.run("ssh-keygen", "-q", "-t", type, "-N", "", "-C", "", "-f", file)
            files.append(file)
        }
        publicHostKeys = try files.map {
            try String(contentsOfFile: $0 + ".pub", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        // sshd wants it where it runs as root.
        if getuid() == 0 { mkdir("/run/sshd", 0o755) }
        let lines =
            options + [
                "ListenAddress \(address):\(port)", "PidFile none", "UsePAM no", "StrictModes no",
                "PermitRootLogin yes", "PasswordAuthentication no",
                "KbdInteractiveAuthentication no", "AllowTcpForwarding yes", "LogLevel VERBOSE",
                "AuthorizedKeysFile \(fixture.authorizedKeys)",
            ] + files.map { "HostKey \($0)" }
        let config = directory + "/sshd_config"
        try Data((lines.joined(separator: "\n") + "\n").utf8)
            .write(to: URL(fileURLWithPath: config))
        try Data().write(to: URL(fileURLWithPath: directory + "/log"))
        let log = try FileHandle(forWritingTo: URL(fileURLWithPath: directory + "/log"))
        let null = try SocketPair.null()
        process = try ChildProcess(
            .init(
                words: ["/usr/sbin/sshd", "-D", "-e", "-f", config], input: null.raw,
                output: null.raw, errors: log.fileDescriptor))
    }

    /// As it stands in a known-hosts file.
    var knownName: String { "[\(address)]:\(port)" }

    /// What it logged so far.
    var log: String {
        // Missing, it says nothing.
        (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
    }

    /// Connections that logged in so far.
    var logins: Int {
        log.split(whereSeparator: \.isNewline).count { $0.contains("Accepted publickey") }
    }

    /// A connection has ended, politely or not.
    var hasSeenAnEnd: Bool {
        ["Disconnected from user", "Connection closed by"].contains { log.contains($0) }
    }

    func waitUntilItListens() async throws {
        guard await eventually({ self.log.contains("Server listening") }) else {
            throw FixtureError("sshd does not listen: \(log)")
        }
    }

    /// Ends the listener; connections that stand go on.
    func stop() {
        process.end()
        _ = process.wait(Patience(until: .now + .seconds(10)))
    }

    /// Ends the processes that serve connections, by force, or freezes them.
    func signalSessions(_ signal: Int32 = SIGKILL) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), Self.parent(of: pid) == process.pid else {
                continue
            }
            kill(pid, signal)
        }
    }

    private static func parent(of pid: Int32) -> Int32? {
        // It may have ended meanwhile.
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].split(separator: " ")
        return fields.count > 2 ? Int32(fields[2]) : nil
    }
}

/// Ports that nobody listens on.
enum FreePort {
    static func find(on address: String) throws -> Int {
        let listener = try LoopbackSocket.listener(on: address, port: 0)
        defer { close(listener) }
        return LoopbackSocket.port(of: listener)
    }
}

/// Plain TCP sockets on loopback.
enum LoopbackSocket {
    static func listener(on address: String, port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0, listen(descriptor, 64) == 0 else {
            close(descriptor)
            throw FixtureError("listen on \(address):\(port)")
        }
        return descriptor
    }

    static func port(of descriptor: Int32) -> Int {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return Int(in_port_t(bigEndian: name.sin_port))
    }
}
