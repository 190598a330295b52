internal import CLinux
internal import Glibc
internal import JobModel

/// Tells whether podman has asked a registry that says nothing: its last line is then that it
/// tries to pull, and stays so. podman itself would wait for ever.
struct RegistryWatch {
    /// What podman prints, which is written into a file.
    let output: String
    private var size: Int64 = 0
    private var silentSince: SteadyTime?

    /// For a registry's first answer: names, connections, its tokens, the manifest.
    static let patience = Milliseconds.seconds(20)

    init(output: String) { self.output = output }

    mutating func isSilent() -> Bool {
        var status = stat()
        guard stat(output, &status) == 0 else { return false }
        if Int64(status.st_size) != size {
            size = Int64(status.st_size)
            let last = lastLine()
            silentSince = last?.hasPrefix("Trying to pull ") == true ? .current : nil
        }
        guard let silentSince else { return false }
        return SteadyTime.current - silentSince >= Self.patience
    }

    private func lastLine() -> Substring? {
        SmallFile.text(output)?.split(separator: "\n").last
    }
}

extension EngineCommand.Answer {
    /// What podman had not had and pulled: the images of a Containerfile's `FROM` too.
    var pulled: [String] {
        let mark = "Trying to pull "
        return text.split(separator: "\n").filter { $0.hasPrefix(mark) && $0.hasSuffix("...") }
            .map { String($0.dropFirst(mark.count).dropLast(3)) }
    }
}
