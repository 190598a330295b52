internal import Glibc
package import JobModel

/// The home of one Shunt instance on this machine, created and verified: its root and its socket
/// directory exist, belong to this account, and nobody else can enter the latter.
///
/// What can go wrong is always somebody's to mend, so every error names the directory and the
/// command that mends it: a home that belongs to another account, a socket directory that somebody
/// else made first, a disk that is full or read-only.
package struct HomeDirectory: Hashable, Sendable {
    package let layout: HomeLayout

    /// Opens the home that the environment of this process asks for, creating what is missing.
    ///
    /// - Parameter creates: `false` for a command that only asks a coordinator: where there is no
    ///   home, or no socket directory, none runs, and ``ShuntError`` `unreachable` is thrown.
    package static func open(creates: Bool = true) throws -> HomeDirectory {
        let (machine, root) = try choice()
        if let other = try variable("SHUNT_AGENT_HOME"), !other.isEmpty, !other.hasPrefix("/") {
            throw ShuntError(
                .usage, "SHUNT_AGENT_HOME is `\(other)`, and has to be an absolute path",
                hint: "SHUNT_AGENT_HOME=\"$PWD/agent\" shunt ps")
        }
        return try open(root: root, userID: geteuid(), machine: machine, creates: creates)
    }

    /// Where everything is or would be of the home that the environment asks for; creates nothing
    /// and verifies nothing.
    package static func planned() throws -> HomeLayout {
        let (machine, root) = try choice()
        var path = root[...]
        while true {
            if let resolved = realpath(String(path), nil) {
                defer { free(resolved) }
                guard let text = String(validatingCString: resolved) else { break }
                let rest = root[path.endIndex...]
                let whole = text == "/" ? String(rest) : text + rest
                return HomeLayout(root: whole, userID: geteuid(), machine: machine)
            }
            // What is not there yet stands beneath what is.
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { break }
            path = path[..<slash]
        }
        return HomeLayout(root: root, userID: geteuid(), machine: machine)
    }

    private static func choice() throws -> (machine: MachineKey, root: String) {
        let machine = MachineKey(machineID: readMachineID(), hostName: readHostName())
        let variables = HomeVariables(
            shuntHome: try variable("SHUNT_HOME"), dataHome: try variable("XDG_DATA_HOME"),
            home: try variable("HOME"), workingDirectory: try workingDirectory())
        return (machine, try variables.root(machine: machine))
    }

    /// Opens the home at `root`, creating what is missing.
    package static func open(
        root: String, userID: UInt32, machine: MachineKey, creates: Bool = true
    ) throws -> HomeDirectory {
        if creates { try createRoot(root) } else { try requireTraces(at: root) }
        let canonical = try canonicalPath(root)
        let status = try DirectoryStatus(of: canonical, followingLinks: true)
        guard status.owner == userID else {
            throw ShuntError(
                .refused,
                "the home `\(canonical)` belongs to user \(status.owner), not to you (\(userID))",
                hint: "SHUNT_HOME=/var/tmp/shunt-of-mine shunt ps")
        }
        try refuseIfOthersMayWrite(canonical, status)
        let layout = HomeLayout(root: canonical, userID: userID, machine: machine)
        if !creates { try requireTraces(at: layout.runtimeDirectory) }
        for directory in [
            layout.storeDirectory, layout.statCacheDirectory, layout.coordinatorDirectory,
            layout.agentDirectory,
        ] {
            try create(directory)
            try verify(directory, userID: userID)
            for name in try subdirectories(of: directory) {
                try verify(directory + "/" + name, userID: userID)
            }
        }
        try secureRuntimeDirectory(layout.runtimeDirectory, userID: userID)
        return HomeDirectory(layout: layout)
    }

    /// One of the directories in a home; a link is followed, since a person may have put the store
    /// on another disk.
    private static func verify(_ directory: String, userID: UInt32) throws {
        let status = try DirectoryStatus(of: directory, followingLinks: true)
        guard status.isDirectory else {
            throw ShuntError(
                .refused, "`\(directory)` is in the way: a directory of shunt's belongs there",
                hint: "ls -ld '\(directory)'")
        }
        guard status.owner == userID else {
            throw ShuntError(
                .refused,
                "`\(directory)` in the home belongs to user \(status.owner), "
                    + "not to you (\(userID))",
                hint: "ls -ld '\(directory)'")
        }
        try refuseIfOthersMayWrite(directory, status)
    }

    private static func subdirectories(of path: String) throws -> [String] {
        guard let stream = opendir(path) else { throw failure("read", path, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == DT_DIR else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Whoever may write there may have others run what they like.
    private static func refuseIfOthersMayWrite(
        _ path: String, _ status: DirectoryStatus
    ) throws {
        guard status.mode & 0o022 == 0 else {
            throw ShuntError(
                .refused, "others than you may write to `\(path)`, where shunt keeps its files",
                hint: "chmod go-w '\(path)'")
        }
    }

    /// A coordinator that runs has left its traces: a home and a socket directory.
    private static func requireTraces(at path: String) throws {
        var status = stat()
        guard lstat(path, &status) != 0, errno == ENOENT else { return }
        throw ShuntError(
            .unreachable, "no coordinator runs: there is no `\(path)`", hint: "shunt ps")
    }

    /// Creates the socket directory, or verifies the one that is there: `/tmp` is everybody's, so
    /// whoever came first may have meant to catch our connections.
    static func secureRuntimeDirectory(_ path: String, userID: UInt32) throws {
        try create(path)
        let status = try DirectoryStatus(of: path, followingLinks: false)
        guard status.isDirectory else {
            throw ShuntError(
                .refused, "`\(path)` is in the way: shunt keeps its sockets in a directory there",
                hint: "rm '\(path)'")
        }
        guard status.owner == userID else {
            throw ShuntError(
                .refused,
                "the socket directory `\(path)` belongs to user \(status.owner), "
                    + "not to you (\(userID))",
                hint: "sudo rm -r '\(path)'")
        }
        guard status.mode & 0o077 == 0 else {
            throw ShuntError(
                .refused, "others may enter the socket directory `\(path)`",
                hint: "chmod 700 '\(path)'")
        }
    }
}

/// What `lstat` and `stat` say that matters here.
private struct DirectoryStatus {
    var owner: UInt32
    var mode: UInt32
    var isDirectory: Bool { mode & S_IFMT == S_IFDIR }

    init(of path: String, followingLinks: Bool) throws {
        var status = stat()
        let flags = followingLinks ? 0 : AT_SYMLINK_NOFOLLOW
        guard fstatat(AT_FDCWD, path, &status, flags) == 0 else {
            throw HomeDirectory.failure("examine", path, errno)
        }
        owner = status.st_uid
        mode = status.st_mode
    }
}

extension HomeDirectory {
    /// Creates the root and what is missing above it; only the root itself is private.
    private static func createRoot(_ path: String) throws {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure("create", path, errno)
        }
        try createParents(String(path[..<slash]))
        try create(path)
    }

    private static func createParents(_ path: String) throws {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure("create", path, errno)
        }
        try createParents(String(path[..<slash]))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw failure("create", path, errno)
        }
    }

    /// Creates a private directory unless something is there already.
    private static func create(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw failure("create", path, errno)
        }
    }

    private static func canonicalPath(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else { throw failure("resolve", path, errno) }
        defer { free(resolved) }
        guard let text = String(validatingCString: resolved) else {
            throw ShuntError(
                .usage, "the path of the home is not valid UTF-8",
                hint: HomeVariables.otherPlace)
        }
        return text
    }

    private static func workingDirectory() throws -> String {
        // A directory that was removed under us is an error only where the path matters, and then
        // `mkdir` says so.
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(validatingCString: path) ?? "/"
    }

    private static func variable(_ name: String) throws -> String? {
        guard let value = getenv(name) else { return nil }
        guard let text = String(validatingCString: value) else {
            throw ShuntError(
                .usage, "the variable `\(name)` is not valid UTF-8",
                hint: HomeVariables.otherPlace)
        }
        return text
    }

    fileprivate static func failure(_ verb: String, _ path: String, _ code: Int32) -> ShuntError {
        ShuntError(
            .failed, "cannot \(verb) `\(path)`: \(String(cString: strerror(code)))",
            hint: HomeVariables.otherPlace)
    }

    /// `/etc/machine-id` as machine-id(5) describes it; absent in many containers.
    private static func readMachineID() -> String? {
        for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
            let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { _ = Glibc.close(descriptor) }
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { continue }
            let digits = buffer[..<count].prefix {
                ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
                    || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f"))
            }
            if digits.count == 32 { return String(decoding: digits, as: UTF8.self) }
        }
        return nil
    }

    private static func readHostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        return String(decoding: name, as: UTF8.self)
    }
}
