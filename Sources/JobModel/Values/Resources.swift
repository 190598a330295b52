/// What a job needs, or a machine has, of the divisible resources.
package struct Resources: Hashable, Sendable, Codable {
    /// Thousandths of a CPU: 1 CPU is 1000. 1 … 1,024,000 in a request.
    package var milliCPUs: Int64
    package var memory: ByteCount

    package init(milliCPUs: Int64, memory: ByteCount) {
        self.milliCPUs = milliCPUs
        self.memory = memory
    }

    /// What a job gets that asks for nothing: one CPU, and memory is not counted.
    package static let standard = Resources(milliCPUs: 1000, memory: .zero)
    package static let none = Resources(milliCPUs: 0, memory: .zero)
    /// The largest request that is taken at its word: 1,024 CPUs, 64 TiB.
    package static let maximum = Resources(
        milliCPUs: 1_024_000, memory: .gibibytes(64 * 1024))

    /// Whether there is enough of everything.
    package func fits(in free: Resources) -> Bool {
        milliCPUs <= free.milliCPUs && memory <= free.memory
    }

    /// How often a share fits in here, counted up to a limit.
    package func count(of share: Resources, atMost limit: Int) -> Int {
        var left = self
        var count = 0
        while count < limit, share.fits(in: left) {
            left = left - share
            count += 1
        }
        return count
    }

    package static func + (left: Resources, right: Resources) -> Resources {
        Resources(
            milliCPUs: left.milliCPUs + right.milliCPUs, memory: left.memory + right.memory)
    }

    /// What remains, never below zero.
    package static func - (left: Resources, right: Resources) -> Resources {
        Resources(
            milliCPUs: max(0, left.milliCPUs - right.milliCPUs),
            memory: left.memory - right.memory)
    }

    enum CodingKeys: String, CodingKey {
        case milliCPUs = "milli_cpus"
        case memory = "memory_bytes"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let memory = try container.decode(Int64.self, forKey: .memory)
        milliCPUs = try container.decode(Int64.self, forKey: .milliCPUs)
        guard milliCPUs >= 0, memory >= 0 else {
            throw DecodingError.dataCorruptedError(
                forKey: .memory, in: container, debugDescription: "resources are never negative")
        }
        self.memory = ByteCount(memory)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(milliCPUs, forKey: .milliCPUs)
        try container.encode(memory.bytes, forKey: .memory)
    }
}

extension Resources: CustomStringConvertible {
    /// `2 CPUs, 8.0 GiB`, `0.5 CPU`.
    package var description: String {
        let cpus =
            milliCPUs % 1000 == 0
            ? "\(milliCPUs / 1000)"
            : "\(Double(milliCPUs) / 1000)"
        let text = cpus + (milliCPUs <= 1000 && milliCPUs > 0 ? " CPU" : " CPUs")
        return memory == .zero ? text : text + ", \(memory)"
    }
}
