/// Names one submission, so that sending it again after a broken connection gives the same job.
enum ClientKey {
    /// 128 random bits as 32 hexadecimal digits.
    static func draw() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let digits = String(random.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
