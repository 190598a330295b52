internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// The data of a task that lies on this machine already. Blocks.
struct TaskData: Sendable {
    let mounts: [PlacedMount]
    /// The root of the task's files, absolute.
    let root: String

    /// - Throws: ``ShuntError`` where something that was declared is not there, or cannot be read.
    func requireAll() throws(ShuntError) {
        for mount in mounts { _ = try form(of: mount) }
    }

    /// Makes the places under the working directory and looks at what they show.
    ///
    /// - Parameter mounts: whether something can be mounted there, else there are links.
    func place(mounting canMount: Bool) throws -> [DataReport] {
        try mounts.map { placed in
            let form = canMount ? try form(of: placed) : .link(placed.source)
            try MountPoint.make(placed.mount.target, in: RawPath(root), as: form)
            return DataReport(
                target: placed.mount.target, dataset: placed.mount.dataset, source: placed.source,
                method: canMount ? .mount : .link,
                fingerprint: try DataWalk.fingerprint(of: RawPath(placed.source)))
        }
    }

    /// Source and target of each, absolute.
    var pairs: [(source: String, target: String)] {
        mounts.map { ($0.source, root + "/" + $0.mount.target) }
    }

    private func form(of placed: PlacedMount) throws(ShuntError) -> MountPoint.Form {
        let name = placed.mount.dataset
        var status = stat()
        guard stat(placed.source, &status) == 0 else {
            throw ShuntError(
                .notFound,
                "`\(name)` is not there: `\(placed.source)`: \(String(cString: strerror(errno)))",
                hint: "shunt worker ls -o json")
        }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        guard isDirectory || status.st_mode & S_IFMT == S_IFREG else {
            throw ShuntError(
                .notFound, "`\(name)` is neither a directory nor a file: `\(placed.source)`",
                hint: "shunt worker ls -o json")
        }
        guard access(placed.source, isDirectory ? R_OK | X_OK : R_OK) == 0 else {
            throw ShuntError(
                .refused,
                "`\(name)` cannot be read by this account: `\(placed.source)`: "
                    + String(cString: strerror(errno)),
                hint: "shunt worker ls -o json")
        }
        return isDirectory ? .directory : .file
    }
}

/// Whether this account may mount data for a task, which init finds out by doing it. Asked once.
actor MountAbility {
    private let initExecutable: String
    private let directory: String
    private var answer: Bool?

    /// - Parameter directory: an existing one of the agent's.
    init(initExecutable: String, directory: String) {
        self.initExecutable = initExecutable
        self.directory = directory
    }

    func isThere() throws -> Bool {
        if let answer { return answer }
        let ending = try HelperProcess(
            arguments: [initExecutable, "--can-mount"], environment: [],
            workingDirectory: directory, outputPath: "/dev/null"
        ).run(within: .seconds(10), abort: AbortFlag())
        let found = ending == .exited(0)
        answer = found
        return found
    }
}
