/// How a container engine is told to run one task: command lines that are fixed before anything is
/// started, as everything else of its plan.
package struct EngineCommands: Hashable, Sendable {
    /// Starts the container in the background, with init as its entrypoint; ends when it runs.
    package var start: [String]
    /// Ends the container and removes it, where there is one.
    package var remove: [String]
    /// The engine's own environment, `NAME=VALUE`.
    package var environment: [String]
    /// Whether the engine keeps the limits that were asked for; `nil` where there is none.
    package var enforcesMemory: Bool?
    package var enforcesCPU: Bool?

    package init(
        start: [String] = [], remove: [String] = [], environment: [String] = [],
        enforcesMemory: Bool? = nil, enforcesCPU: Bool? = nil
    ) {
        self.start = start
        self.remove = remove
        self.environment = environment
        self.enforcesMemory = enforcesMemory
        self.enforcesCPU = enforcesCPU
    }
}

/// The part of the launch file that init leaves to the supervisor.
extension EngineCommands {
    func write(into writer: inout LaunchFile.Writer) {
        for word in start { writer.add("engine_start", word) }
        for word in remove { writer.add("engine_remove", word) }
        for variable in environment { writer.add("engine_env", variable) }
        if let enforcesMemory { writer.add("engine_limit", "memory \(enforcesMemory)") }
        if let enforcesCPU { writer.add("engine_limit", "cpu \(enforcesCPU)") }
        // The image's variables stand below those of the plan.
        writer.add("inherit", "1")
    }

    /// - Returns: `false` for a key of somebody else's.
    mutating func take(_ key: String, _ value: String) -> Bool {
        switch key {
        case "engine_start": start.append(value)
        case "engine_remove": remove.append(value)
        case "engine_env": environment.append(value)
        case "engine_limit":
            switch value {
            case "memory true": enforcesMemory = true
            case "memory false": enforcesMemory = false
            case "cpu true": enforcesCPU = true
            case "cpu false": enforcesCPU = false
            default: return false
            }
        case "inherit": break
        default: return false
        }
        return true
    }
}
