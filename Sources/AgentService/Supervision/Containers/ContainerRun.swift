internal import JobModel

/// What a supervisor knows of the container that it has the engine start. All else is on disk.
struct ContainerRun {
    /// When the engine was asked last.
    var askedAt: SteadyTime?
    /// Since when the engine has been through with starting it, and no init is there.
    var startedAt: SteadyTime?
    /// Since when its init says that it is there, and cannot be seen.
    var unseenSince: SteadyTime?
    /// Since when it is to be removed, and how often that was tried.
    var removableAt: SteadyTime?
    var removals = 0

    /// From asking the engine to init at its barrier: a first start of an image may have to map
    /// all of its files to another account.
    static let startPatience = Milliseconds.minutes(10)
    /// From the engine's word that the container runs to init at its barrier.
    static let initPatience = Milliseconds.seconds(10)
    /// Of an engine that removes a container.
    static let removePatience = Milliseconds.seconds(30)
    /// For somebody to collect a dead init, which the engine takes for a living one.
    static let reapPatience = Milliseconds.seconds(5)
    static let mostRemovals = 3
    /// How often the engine is asked.
    static let mostAttempts = 2

    static let marker = "engine.started"
    static let errors = "engine.err"
    static let answer = "engine.out"
}
