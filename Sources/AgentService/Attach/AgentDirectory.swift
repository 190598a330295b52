internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel

/// An agent's directory on a worker as whoever connects finds it:
///
/// ```
/// DIR/bin/SHA256/shunt-agent, shunt-init   executables, by the digest of the agent
/// DIR/attach                               a link to the agent that serves: `exec DIR/attach`
/// DIR/machine                              whose directory this is
/// ```
///
/// and beside them what ``AgentHome`` lists. Homes are often shared between machines, so the
/// directory says which one it belongs to, and no other touches it.
struct AgentDirectory: Sendable {
    let path: String
    let machine: MachineKey
    let userID: UInt32

    init(_ path: String) {
        self.path = path
        machine = MachineFacts.machineKey()
        userID = geteuid()
    }

    var store: String { path + "/store" }
    var log: String { path + "/agent.log" }
    var attach: String { path + "/attach" }
    private var machineFile: String { path + "/machine" }

    /// The sockets are on no network file system: see ``HomeLayout``.
    var layout: HomeLayout { HomeLayout(root: path, userID: userID, machine: machine) }
    var socket: String { layout.agentSocket }

    /// - Throws: `refused` where the directory is another machine's.
    func requireOwnMachine() throws(ShuntError) {
        guard let text = SmallFile.text(machineFile)?.trimmedLine else {
            throw ShuntError(
                .notFound, "`\(path)` is no agent's directory: `machine` is missing in it",
                hint: "shunt worker add NAME")
        }
        guard text == machine.text else {
            throw ShuntError(
                .refused,
                "`\(path)` belongs to another machine that shares this file system; "
                    + "the name leads to more than one machine",
                hint: "shunt worker ls")
        }
    }

    /// Makes the directory this machine's, if it is nobody's yet.
    func claim() throws(ShuntError) {
        if access(machineFile, F_OK) == 0 { return try requireOwnMachine() }
        do throws(SystemError) {
            let directory = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
            // It may have been there before, for others to read.
            let raw = directory.raw
            try SystemError.check("set the mode of", path) { fchmod(raw, 0o700) }
            try SmallFile.write(
                Array((machine.text + "\n").utf8), to: "machine", in: directory, durable: true)
        } catch {
            throw ShuntError(error, in: path)
        }
    }

    /// Makes `attach` lead to an executable, in one step.
    func point(to executable: String) throws(ShuntError) {
        let temporary = attach + ".tmp"
        unlink(temporary)
        guard symlink(executable, temporary) == 0, rename(temporary, attach) == 0 else {
            throw ShuntError(
                .failed, "`\(attach)` cannot be made: \(String(cString: strerror(errno)))",
                hint: "df -h \(path); ls -ld \(path)")
        }
    }

    /// Creates the directory of the socket, or verifies the one that is there: `/tmp` is
    /// everybody's.
    func secureRuntimeDirectory() throws(ShuntError) {
        let runtime = layout.runtimeDirectory
        var status = stat()
        guard mkdir(runtime, 0o700) == 0 || errno == EEXIST, lstat(runtime, &status) == 0 else {
            throw ShuntError(
                .failed, "`\(runtime)` cannot be made: \(String(cString: strerror(errno)))",
                hint: "df -h /tmp; ls -ld /tmp")
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == userID,
            status.st_mode & 0o077 == 0
        else {
            throw ShuntError(
                .refused, "the socket directory `\(runtime)` is not this account's alone",
                hint: "ls -ld \(runtime)")
        }
    }
}
