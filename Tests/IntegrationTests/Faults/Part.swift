import Foundation
import Lab

/// A process of the product that a test can end.
enum Part: String, Sendable, CaseIterable {
    case coordinator
    case agent
    case supervisor
    case initProcess

    /// The parts whose loss a job must survive.
    static let replaceable: [Part] = [.coordinator, .agent, .supervisor]

    func matches(_ process: ProcessTable.Entry) -> Bool {
        let words = process.command
        return switch self {
        case .coordinator: words.contains("coordinator") && words.contains("serve")
        case .agent: words.contains("daemon") && words.contains("--home")
        case .supervisor: words.contains("supervise")
        case .initProcess: words.first?.hasSuffix("/shunt-init") == true
        }
    }
}

extension ShuntHome {
    /// The living processes of these parts.
    func pids(of parts: Set<Part>) -> [pid_t] {
        ProcessTable.processes(naming: root)
            .filter { process in parts.contains { $0.matches(process) } }
            .map(\.pid).filter(ProcessTable.isAlive)
    }

    /// Kills what lives of these parts, all at once.
    ///
    /// - Returns: how many were killed.
    @discardableResult
    func kill9(_ parts: Set<Part>) -> Int {
        let found = pids(of: parts)
        for pid in found { kill(pid, SIGKILL) }
        return found.count
    }

    /// Kills every process of the home but the commands that the test itself started.
    func kill9Everything(but spared: Set<pid_t> = []) async -> Bool {
        await eventually {
            let left = ProcessTable.processes(naming: root)
                .map(\.pid).filter { !spared.contains($0) && ProcessTable.isAlive($0) }
            for pid in left { kill(pid, SIGKILL) }
            return left.isEmpty
        }
    }

    /// CPU that a process has used, in clock ticks (hundredths of a second).
    static func cpuTicks(of pid: pid_t) -> Int? {
        // A process that has gone is not alive.
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        // Fields 14 and 15 of proc(5), counted from the one after the name.
        let fields = text[end...].split(separator: " ").dropFirst()
        guard fields.count > 12, let user = Int(fields[fields.startIndex + 11]),
            let system = Int(fields[fields.startIndex + 12])
        else { return nil }
        return user + system
    }
}
