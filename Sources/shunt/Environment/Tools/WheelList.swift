internal import ContentStore
internal import Glibc
internal import JobModel

/// Which wheels were fetched for a list of requirements, as files of the store: the same list, for
/// the same Python on the same architecture, means the same wheels, and no index is asked again.
/// Blocks.
struct WheelList: Sendable {
    private let directory: String
    private let path: RawPath

    /// A wheel of the store.
    struct Wheel: Hashable, Sendable {
        var name: String
        var digest: Digest
        var size: Int64
    }

    /// - Parameters:
    ///   - directory: where lists are kept; made where it is missing.
    ///   - requirements: what `pip` reads.
    init(_ directory: String, _ requirements: [UInt8], for fetch: WheelFetch, isWhole: Bool) {
        let purpose = "\(fetch.python) \(fetch.architecture) \(isWhole)\n"
        self.directory = directory
        path = RawPath(directory)
            .appending(ContentHasher.digest(of: Array(purpose.utf8) + requirements).hex)
    }

    private static let limit = 1 << 20

    /// - Returns: `nil` where they were never fetched, or the store does not have them any more.
    func wheels(in store: ObjectStore) throws -> [Wheel]? {
        // What cannot be read is fetched again.
        guard let bytes = try? SmallFile.read(path, limit: Self.limit) else { return nil }
        var wheels: [Wheel] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let digest = Digest(hex: String(words[0])),
                let size = Int64(words[1]), try store.contains(digest)
            else { return nil }
            wheels.append(Wheel(name: String(words[2]), digest: digest, size: size))
        }
        return wheels
    }

    func write(_ wheels: [Wheel]) throws {
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw ShuntError(
                .failed, "cannot make `\(directory)`: \(String(cString: strerror(errno)))",
                hint: "df -h \(Quoting.forShell(directory))")
        }
        let lines = wheels.map { "\($0.digest.hex) \($0.size) \($0.name)\n" }
        try AtomicFile.replace(path, with: Array(lines.joined().utf8))
    }
}
