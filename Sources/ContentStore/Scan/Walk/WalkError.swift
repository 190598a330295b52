internal import Glibc
internal import JobModel

/// What a person is told when a part of their tree cannot be read.
enum WalkError {
    static func unreadable(_ error: SystemError) -> ShuntError {
        switch error.code {
        case EACCES, EPERM:
            // What is in a directory that cannot be entered is read once that can be.
            let parent = error.path.parent
            let isShut = !parent.isEmpty && withTerminated(parent.bytes) { access($0, X_OK) } != 0
            return ShuntError(
                .failed, "cannot read `\(error.path)`: \(error.reason)",
                hint: "chmod u+rX \(shellQuoted(isShut ? parent : error.path))")
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
            hint: "echo \(shellQuoted(RawPath(path.bytes.prefix { $0 != 0x2f }))) >> .shuntignore")
    }
}
