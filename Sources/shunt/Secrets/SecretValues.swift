internal import ContentStore
internal import Glibc
internal import JobModel

/// The values of a job's secrets, read before anything is made of the job.
///
/// No error has a value in it, nor what was written where a file is wanted: that may be the value,
/// from somebody who took the one for the other.
struct SecretValues: Sendable {
    private(set) var secrets: [Secret] = []
    /// The files that they were read from: no part of a snapshot.
    private(set) var files: Set<FileIdentity> = []

    private let subcommand: String

    /// - Parameter directory: of the job.
    init(_ wishes: [SecretWish], in directory: RawPath, subcommand: String) throws(ShuntError) {
        self.subcommand = subcommand
        for wish in wishes {
            let bytes: [UInt8] =
                switch wish.source {
                case .variable: try variable(wish.name)
                case .file(let path): try read(Self.path(path, in: nil), wish.name)
                case .fileBesideJob(let path): try read(Self.path(path, in: directory), wish.name)
                }
            secrets.append(Secret(name: wish.name, bytes: bytes))
        }
        if let problem = Secret.problem(of: secrets) {
            throw ShuntError(.usage, problem, hint: "shunt \(subcommand) --help")
        }
    }

    private func variable(_ name: String) throws(ShuntError) -> [UInt8] {
        guard let value = getenv(name) else {
            throw ShuntError(
                .usage,
                "the secret `\(name)` is to have the value of the variable `\(name)`, which is "
                    + "not set here",
                hint: "export \(name)=\"$(cat token.txt)\"")
        }
        return Array(UnsafeRawBufferPointer(start: value, count: strlen(value)))
    }

    /// `~/` is the home, since no shell puts it behind an equals sign or into a job file.
    private static func path(_ text: String, in directory: RawPath?) -> RawPath {
        if text.hasPrefix("~/"), let home = getenv("HOME") {
            return RawPath(String(cString: home)).appending(String(text.dropFirst(2)))
        }
        guard let directory, !text.hasPrefix("/") else { return RawPath(text) }
        return directory.appending(text)
    }

    private mutating func read(_ path: RawPath, _ name: String) throws(ShuntError) -> [UInt8] {
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure(name, errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(name, errno) }
        if status.st_mode & S_IFMT == S_IFREG {
            files.insert(
                FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
        }
        // One byte over the limit is enough to know that it is too large.
        var bytes = [UInt8](repeating: 0, count: SecretLimits.bytes + 1)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + length, $0.count - length)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(name, errno) }
            if count == 0 { break }
            length += count
        }
        return Array(bytes[..<length])
    }

    private func failure(_ name: String, _ code: Int32) -> ShuntError {
        let hint = "shunt \(subcommand) --secret \(name)=token.txt -- true"
        guard code == ENOENT || code == ENOTDIR else {
            return ShuntError(
                .failed,
                "the file of the secret `\(name)` cannot be read: "
                    + String(cString: strerror(code)),
                hint: hint)
        }
        return ShuntError(
            .notFound,
            "the file of the secret `\(name)` is not there; what stands behind the name is a "
                + "file's path and never the value",
            hint: hint)
    }
}
