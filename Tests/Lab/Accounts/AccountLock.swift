internal import ByteStream
internal import CLinux
internal import Glibc

/// Says which of the lab's accounts a run of tests uses: a lock on a file that the kernel gives
/// back however the run ends. The file names the processes of other accounts that the run started.
struct AccountLock: Sendable {
    let name: String
    private let path: String
    private let file: SharedDescriptor

    private static let directory = "/run/shunt-lab"
    private static let count = 64

    /// Takes the first account that nobody uses.
    ///
    /// - Throws: ``LabError`` where all are in use.
    static func takeFree() throws -> AccountLock {
        try Files.makeDirectory(directory, mode: 0o700)
        for number in 1...count {
            let name = "shunt-lab-\(number)"
            let isForeign = Account.named(name).map { $0.comment != AccountFile.comment } ?? false
            if !isForeign, let lock = try AccountLock(name) { return lock }
        }
        throw LabError("all \(count) accounts of the lab are in use")
    }

    /// - Returns: `nil` where somebody else holds it.
    private init?(_ name: String) throws {
        self.name = name
        path = "\(Self.directory)/\(name)"
        let path = path
        file = SharedDescriptor(
            OwnedDescriptor(
                adopting: try LabError.check("open \(path)") {
                    shunt_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
                }))
        guard shunt_set_lock(file.raw, Int16(F_WRLCK)) == 0 else { return nil }
    }

    /// The processes that the last run noted and that still live.
    var noted: [ProcessTable.Entry] {
        get throws {
            try Files.text(path).split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ")
                guard fields.count == 2, let pid = Int32(fields[0]), let start = UInt64(fields[1]),
                    let entry = ProcessTable.entry(pid), entry.startTime == start
                else { return nil }
                return entry
            }
        }
    }

    func note(_ pid: Int32) throws {
        guard let entry = ProcessTable.entry(pid) else { return }
        let text = try Files.text(path) + "\(pid) \(entry.startTime)\n"
        try Files.write(text, to: path, mode: 0o600)
    }

    /// Forgets what was noted. The lock itself goes with the last copy of this value.
    func release() throws { try Files.write("", to: path, mode: 0o600) }
}

/// A descriptor that copies of a value share.
private final class SharedDescriptor: Sendable {
    private let descriptor: OwnedDescriptor
    var raw: Int32 { descriptor.raw }

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
