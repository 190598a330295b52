internal import Glibc

extension Descriptor {
    /// Sets the modification time of this file or directory; access time becomes now.
    func setModified(
        _ time: FileTime, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        let times = [Glibc.timespec(tv_sec: 0, tv_nsec: Self.timeNow), time.timespec]
        try checked("set the time of", shown()) { futimens(number, times) }
    }

    /// Sets the modification time of an entry of this directory, of the link itself for a symlink.
    func setModified(
        of name: [UInt8], _ time: FileTime, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        let times = [Glibc.timespec(tv_sec: 0, tv_nsec: Self.timeNow), time.timespec]
        try withTerminated(name) { text throws(SystemError) in
            _ = try checked("set the time of", shown()) {
                utimensat(number, text, times, AT_SYMLINK_NOFOLLOW)
            }
        }
    }

    func setMode(_ mode: UInt32, shownAs shown: @autoclosure () -> RawPath) throws(SystemError) {
        try checked("set the mode of", shown()) { fchmod(number, mode_t(mode)) }
    }

    func makeSymlink(
        _ name: [UInt8], to target: [UInt8], shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        try withTerminated(name) { name throws(SystemError) in
            try withTerminated(target) { target throws(SystemError) in
                _ = try checked("create", shown()) { symlinkat(target, number, name) }
            }
        }
    }

    /// UTIME_NOW of `<sys/stat.h>`, a macro with a cast that is not imported.
    private static let timeNow = (1 << 30) - 1
}
