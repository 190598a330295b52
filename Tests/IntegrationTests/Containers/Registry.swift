import Foundation
import Lab

/// A registry of images on loopback, of Debian's package (`Tests/registry.sh`).
struct Registry: Sendable {
    /// `127.0.0.1:PORT`.
    let address: String

    /// Runs a registry, which ends with the home. The home's engine, and that of
    /// ``TestImage/shell(_:)`` with ``variables``, speaks to it without encryption.
    static func use(
        _ home: ShuntHome, _ body: (Registry, ShuntHome) async throws -> Void
    ) async throws {
        let registry = try await Registry(in: home.base)
        var home = home
        home.variables["CONTAINERS_REGISTRIES_CONF"] = try FreePort.allowPlainText(
            of: registry.address, in: home.base)
        try await body(registry, home)
    }

    private init(in directory: String) async throws {
        let program = try await TestImage.shell("'\(ShuntHome.packageRoot)/Tests/registry.sh'")
            .trimmingCharacters(in: .newlines)
        address = "127.0.0.1:\(try FreePort.find())"
        let configuration = directory + "/registry.yml"
        try Data(
            """
            version: 0.1
            storage: {filesystem: {rootdirectory: \(directory)/registry}}
            http: {addr: "\(address)"}
            log: {level: error, accesslog: {disabled: true}}

            """.utf8
        ).write(to: URL(fileURLWithPath: configuration))
        let words = [program, "serve", configuration].map { Array($0.utf8) }
        _ = try Command(words, directory: directory, environment: [:])
        let address = address
        let answers = try await eventually {
            try await !TestImage.shell("curl -s http://\(address)/v2/ || true").isEmpty
        }
        guard answers else { throw HarnessError("the registry does not answer") }
    }

    /// Pushes the small image with one more file, so that nobody has had it before.
    ///
    /// - Returns: its ID.
    func push(_ name: String, from home: ShuntHome) async throws -> String {
        let directory = home.base + "/marked"
        try home.write("../marked/mark", home.base)
        try home.write(
            "../marked/Containerfile", "FROM \(try await TestImage.small())\nCOPY mark /mark\n")
        let variable = home.variables["CONTAINERS_REGISTRIES_CONF"] ?? ""
        return try await TestImage.shell(
            """
            set -e
            export CONTAINERS_REGISTRIES_CONF='\(variable)'
            podman build --quiet --tag '\(address)/\(name)' '\(directory)'
            podman push --quiet '\(address)/\(name)'
            podman rmi '\(address)/\(name)' >/dev/null
            """
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Ports of loopback that nobody listens on.
enum FreePort {
    static func find() throws -> UInt16 {
        let (descriptor, port) = try listen()
        close(descriptor)
        return port
    }

    /// A port that takes connections and never says a word.
    static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, size) + getsockname(descriptor, generic, &size)
            }
        }
        guard status == 0, Glibc.listen(descriptor, 16) == 0 else {
            throw HarnessError("listen", errno)
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// Has podman speak to a registry without encryption.
    ///
    /// - Returns: the path of the file that says so.
    static func allowPlainText(of address: String, in directory: String) throws -> String {
        let path = directory + "/registries.conf"
        try Data("[[registry]]\nlocation = \"\(address)\"\ninsecure = true\n".utf8)
            .write(to: URL(fileURLWithPath: path))
        return path
    }
}
