import Glibc

/// A directory for one test, with names as raw bytes; gone, with all in it, when the value is.
final class TemporaryDirectory: Sendable {
    let path: [UInt8]

    private static let parent: String = {
        let memory = "/dev/shm"
        var info = statvfs()
        guard access(memory, W_OK) == 0, statvfs(memory, &info) == 0,
            UInt64(info.f_bavail) * UInt64(info.f_frsize) > 1 << 30
        else { return "/tmp" }
        return memory
    }()

    /// In memory, where there is room: what these tests ask of a disk is its names, not its speed.
    init() {
        var template = Array((Self.parent + "/shunt-scan-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { fatal("mkdtemp") }
        path = template.dropLast().map { UInt8(bitPattern: $0) }
    }

    deinit { run(["rm", "-rf", "--", String(decoding: path, as: UTF8.self)]) }

    var string: String { String(decoding: path, as: UTF8.self) }

    func absolute(_ relative: [UInt8]) -> [UInt8] {
        relative.isEmpty ? path : path + [UInt8(ascii: "/")] + relative
    }

    func absolute(_ relative: String) -> [UInt8] { absolute(Array(relative.utf8)) }

    func write(_ relative: String, _ text: String) {
        write(Array(relative.utf8), Array(text.utf8))
    }

    func write(_ relative: String, _ bytes: [UInt8]) { write(Array(relative.utf8), bytes) }

    /// Writes a file, its directories included.
    func write(_ relative: [UInt8], _ bytes: [UInt8], mode: mode_t = 0o644) {
        if let slash = relative.lastIndex(of: UInt8(ascii: "/")) {
            makeDirectory(Array(relative[..<slash]))
        }
        let file = withPath(relative) { open($0, O_WRONLY | O_CREAT | O_TRUNC, mode) }
        guard file >= 0 else { fatal("open \(relative)") }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { fatal("write") }
            rest = rest.dropFirst(count)
        }
    }

    func makeDirectory(_ relative: String) { makeDirectory(Array(relative.utf8)) }

    func makeDirectory(_ relative: [UInt8]) {
        var end = 0
        while end < relative.count {
            let slash = relative[(end + 1)...].firstIndex(of: UInt8(ascii: "/"))
            end = slash ?? relative.count
            let result = withPath(Array(relative[..<end])) { mkdir($0, 0o755) }
            guard result == 0 || errno == EEXIST else { fatal("mkdir") }
        }
    }

    func link(_ relative: String, to target: String) {
        guard withPath(Array(relative.utf8), { symlink(target, $0) }) == 0 else { fatal("symlink") }
    }

    func remove(_ relative: String) {
        run(["rm", "-rf", "--", string + "/" + relative])
    }

    func withPath<Result>(
        _ relative: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        let terminated = (absolute(relative) + [0]).map { CChar(bitPattern: $0) }
        return terminated.withUnsafeBufferPointer { body($0.baseAddress!) }
    }
}

func fatal(_ operation: String) -> Never {
    preconditionFailure("\(operation): \(String(cString: strerror(errno)))")
}

/// A pseudo-random sequence (SplitMix64) whose seed a failing test prints.
struct SeededGenerator: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    /// Takes the seed from `SHUNT_SEED`, else from the clock.
    init() {
        let given = getenv("SHUNT_SEED").flatMap { UInt64(String(cString: $0)) }
        seed = given ?? UInt64(truncatingIfNeeded: Int(time(nil))) &* 1_000_003 &+ UInt64(getpid())
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Runs a program and returns what it wrote to its standard output.
@discardableResult
func run(
    _ arguments: [String], input: [UInt8] = []
) -> (output: [UInt8], status: Int32) {
    let scratch = "/tmp/shunt-scan-run-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    let (inputPath, outputPath) = (scratch + ".in", scratch + ".out")
    writeFile(inputPath, input)
    defer {
        unlink(inputPath)
        unlink(outputPath)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, inputPath, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT, 0o600)
    var argv = arguments.map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    var child: pid_t = 0
    guard posix_spawnp(&child, arguments[0], &actions, nil, &argv, environ) == 0 else {
        fatal("spawn \(arguments[0])")
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { fatal("waitpid") } }
    return (readFile(outputPath), status >> 8 & 0xFF)
}

func writeFile(_ path: String, _ bytes: [UInt8]) {
    guard let file = fopen(path, "we") else { fatal("fopen \(path)") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}

func readFile(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "re") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
        bytes += buffer[..<count]
    }
    return bytes
}

func unlinkFile(_ path: UnsafePointer<CChar>) -> Int32 { unlink(path) }
