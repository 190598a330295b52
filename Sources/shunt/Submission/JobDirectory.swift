internal import ContentStore
internal import Glibc
internal import JobModel

/// The directory that a job is made of, and the job file in it.
struct JobDirectory {
    /// Absolute and without links, raw bytes.
    var path: RawPath
    var file: JobFile?

    /// - Parameters:
    ///   - file: the value of `-f`.
    ///   - hasCommand: with a COMMAND and without `-f`, no file is read.
    static func open(file: String?, hasCommand: Bool) throws -> JobDirectory {
        if let file {
            let bytes = try readFile(file)
            let parent = RawPath(file).parent
            return JobDirectory(
                path: try resolve(parent.isEmpty ? RawPath(".") : parent),
                file: try JobFileReader.read(bytes, name: file))
        }
        let path = try resolve(RawPath("."))
        if hasCommand { return JobDirectory(path: path, file: nil) }
        guard access("job.yaml", F_OK) == 0 else {
            throw ShuntError(
                .usage, "there is nothing to run: no COMMAND, and no `job.yaml` here",
                hint: "shunt run -- python train.py")
        }
        return JobDirectory(
            path: path, file: try JobFileReader.read(try readFile("job.yaml"), name: "job.yaml"))
    }

    /// Shunt's own files never become part of a job: a snapshot would grow by itself. What a job
    /// of this home works in is not one of them: a job may submit others.
    static func refuse(_ path: RawPath, _ layout: HomeLayout) throws {
        let root = RawPath(layout.root)
        let tasks = RawPath(layout.agentDirectory).appending("tasks")
        let holdsHome = root.isInside(path) || path.bytes == [UInt8(ascii: "/")]
        let isOfHome = path.isInside(root) && !(path != tasks && path.isInside(tasks))
        guard holdsHome || isOfHome else { return }
        throw ShuntError(
            .refused,
            "the directory `\(path)` holds shunt's own files (`\(root)`), so it cannot be a job's",
            hint: "cd \"$(mktemp -d)\" && shunt run -- true")
    }

    private static func readFile(_ name: String) throws -> [UInt8] {
        let descriptor = Glibc.open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(name, errno) }
        defer { _ = close(descriptor) }
        try refuseUnreadable(name, descriptor)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // One byte over the limit is enough to know that the file is too large.
        while bytes.count <= JobFileLimits.bytes {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(name, errno) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    /// Only a file with a place has a directory that can be a job's, and an end.
    private static func refuseUnreadable(_ name: String, _ descriptor: Int32) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(name, errno) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: throw failure(name, EISDIR)
        case S_IFREG: break
        default:
            throw ShuntError(
                .usage, "`\(Quoting.visible(name))` is not a regular file, so no job file",
                hint: "ls -l \(Quoting.forShell(name))")
        }
        guard status.st_size <= JobFileLimits.bytes else {
            throw JobFileText.tooLarge(Quoting.visible(name), bytes: Int64(status.st_size))
        }
    }

    private static func failure(_ name: String, _ code: Int32) -> ShuntError {
        let shown = Quoting.visible(name)
        return switch code {
        case ENOENT where name == "-":
            ShuntError(
                .usage,
                "a job file is not read from standard input: the job is made of the directory "
                    + "that holds the file",
                hint: "shunt run --help")
        case ENOENT, ENOTDIR:
            ShuntError(
                .notFound, "there is no job file `\(shown)`",
                hint: "echo 'run: python train.py' > \(Quoting.forShell(name))")
        case EISDIR:
            ShuntError(
                .usage, "`\(shown)` is a directory, not a job file",
                hint: "shunt run -f \(Quoting.forShell(name + "/job.yaml"))")
        default:
            ShuntError(
                .failed, "`\(shown)` cannot be read: \(String(cString: strerror(code)))",
                hint: "ls -l \(Quoting.forShell(name))")
        }
    }

    private static func resolve(_ path: RawPath) throws -> RawPath {
        let resolved = path.withCString { realpath($0, nil) }
        guard let resolved else {
            throw ShuntError(
                .failed,
                "the directory `\(path)` cannot be resolved: \(String(cString: strerror(errno)))",
                hint: "cd \"$HOME\" && shunt ps")
        }
        defer { free(resolved) }
        return RawPath(Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved))))
    }
}
