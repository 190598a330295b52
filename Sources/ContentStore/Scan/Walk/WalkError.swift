internal import Glibc
internal import JobModel

/// What a person is told when a part of their tree cannot be read.
enum WalkError {
    static func unreadable(_ error: SystemError) -> ShuntError {
        switch error.code {
        case EACCES, EPERM:
            return ShuntError(
                .failed, "cannot read `\(error.path)`: \(error.reason)",
                hint: "chmod u+rX \(shellQuoted(error.path))")
        case ELOOP, ENOTDIR:
            return ObjectStore.changedWhileRead(error.path)
        default:
            return error.asShuntError
        }
    }

    static func longPath(_ path: RawPath) -> ShuntError {
        ShuntError(
            .refused,
            "a path is longer than \(RootDirectory.longestPath) bytes: "
                + "`\(RawPath(path.bytes.prefix(80)))…`",
            hint: "leave the directory out with a line in `.shuntignore`")
    }
}
