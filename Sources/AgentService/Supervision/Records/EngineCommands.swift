/// How a container engine is told to run one task: command lines that are fixed before anything is
/// started, as everything else of its plan.
package struct EngineCommands: Hashable, Sendable {
    /// Starts the container in the background, with init as its entrypoint; ends when it runs.
    package var start: [String]
    /// Ends the container and removes it, where there is one.
    package var remove: [String]
    /// The engine's own environment, `NAME=VALUE`.
    package var environment: [String]
    /// Limits that were asked for and that the engine does not keep here, for people.
    package var unenforced: [String]

    package init(
        start: [String] = [], remove: [String] = [], environment: [String] = [],
        unenforced: [String] = []
    ) {
        self.start = start
        self.remove = remove
        self.environment = environment
        self.unenforced = unenforced
    }
}

/// The part of the launch file that init leaves to the supervisor.
extension EngineCommands {
    func write(into writer: inout LaunchFile.Writer) {
        for word in start { writer.add("engine_start", word) }
        for word in remove { writer.add("engine_remove", word) }
        for variable in environment { writer.add("engine_env", variable) }
        for limit in unenforced { writer.add("unenforced", limit) }
        // The image's variables stand below those of the plan.
        writer.add("inherit", "1")
    }

    /// - Returns: `false` for a key of somebody else's.
    mutating func take(_ key: String, _ value: String) -> Bool {
        switch key {
        case "engine_start": start.append(value)
        case "engine_remove": remove.append(value)
        case "engine_env": environment.append(value)
        case "unenforced": unenforced.append(value)
        case "inherit": break
        default: return false
        }
        return true
    }
}
