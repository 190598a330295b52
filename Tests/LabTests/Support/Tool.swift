import Glibc
import Lab

/// The built `lab`, with an input that stays open.
struct Tool {
    let command: Command

    init(_ name: String, _ options: [String]) throws {
        command = try Command([Self.path, name] + options, input: .open)
    }

    /// Waits for the line with which it says that it serves.
    ///
    /// - Returns: the lines that it printed until then.
    func waitUntilReady() async throws -> [String] {
        let isReady = await eventually {
            command.outputSoFar.contains("ready ") && command.outputSoFar.hasSuffix("\n")
                || command.hasEnded
        }
        guard isReady, !command.hasEnded else { throw LabError(command.errorsSoFar) }
        return command.outputSoFar.split(separator: "\n").map(String.init)
    }

    /// Beside the bundle of the tests, which a helper of the toolchain runs: its own path is looked
    /// up in what is mapped.
    private static let path: String = {
        // Without it the tests say which program they miss.
        let maps = (try? Files.text("/proc/self/maps")) ?? ""
        let bundle = maps.split(separator: "\n").first { $0.hasSuffix(".xctest") }
        guard let bundle, let start = bundle.firstIndex(of: "/"),
            let end = bundle.lastIndex(of: "/")
        else { return "lab" }
        return bundle[start..<end] + "/lab"
    }()
}
