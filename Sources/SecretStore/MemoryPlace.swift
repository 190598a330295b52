internal import CLinux
internal import Glibc
internal import JobModel

/// A directory of this machine whose files are in memory and on no disk, though the kernel may
/// move them to swap.
///
/// `/dev/shm` comes first: `/run/user/UID` is wiped when the account's last session ends. Both are
/// looked at by path and not by a variable, so that every process of an account finds the same one
/// however it was started.
enum MemoryPlace {
    static func find() throws(ShuntError) -> String {
        let places = ["/dev/shm", "/run/user/\(geteuid())"]
        for place in places where isInMemory(place) && access(place, W_OK | X_OK) == 0 {
            return place
        }
        throw ShuntError(
            .refused,
            "secrets are kept in memory-backed files alone, and neither `\(places[0])` nor "
                + "`\(places[1])` is a tmpfs that this account may write to",
            hint: "findmnt --target /dev/shm")
    }

    private static func isInMemory(_ path: String) -> Bool {
        let descriptor = shunt_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        var status = statfs()
        guard fstatfs(descriptor, &status) == 0 else { return false }
        // TMPFS_MAGIC and RAMFS_MAGIC of statfs(2).
        return status.f_type == 0x0102_1994 || status.f_type == 0x8584_58f6
    }
}
