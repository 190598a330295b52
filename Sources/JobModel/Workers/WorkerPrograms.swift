/// What a worker's account can run containers and build environments with. It changes while an
/// agent runs.
package struct WorkerPrograms: Hashable, Sendable {
    /// What can run containers there; empty where nothing can.
    package var engines: [ContainerEngine]
    /// What can build environments there; `nil` as long as nobody has looked.
    package var tools: BuildTools?

    package init(engines: [ContainerEngine] = [], tools: BuildTools? = nil) {
        self.engines = engines
        self.tools = tools
    }
}
