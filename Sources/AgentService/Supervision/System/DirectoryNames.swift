internal import CLinux
internal import Glibc

extension OwnedDescriptor {
    /// The names in this directory without `.` and `..`, in no order.
    borrowing func names() throws(SystemError) -> [String] {
        // `fdopendir` takes its descriptor over, so it gets one of its own.
        let raw = raw
        let copy = try SystemError.check("open", ".") {
            shunt_openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        guard let listing = fdopendir(copy) else {
            let code = errno
            close(copy)
            throw SystemError(call: "list", subject: ".", errno: code)
        }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
