internal import JobModel
internal import Synchronization

/// Which engines can run something. podman is there when its program is; docker's client is none
/// without its daemon, which is asked now and then.
final class EngineSurvey: Sendable {
    private let daemon = Mutex<(answers: Bool, until: SteadyTime?)>((true, nil))

    /// From one question to the next.
    private static let validity = Milliseconds.seconds(60)
    private static let patience = Milliseconds.seconds(10)

    /// The preferred one first. Blocks for as long as the daemon takes to answer.
    ///
    /// - Parameter asks: whether the daemon may be asked; else its last answer counts, and one
    ///   that was never asked is believed to be there.
    func working(asks: Bool) -> [ContainerEngine] {
        EngineCommand.installed().filter { engine in
            switch engine {
            case .podman: true
            case .docker: asks ? daemonAnswers() : daemon.withLock { $0.answers }
            }
        }
    }

    private func daemonAnswers() -> Bool {
        let now = SteadyTime.current
        let known = daemon.withLock { $0 }
        if let until = known.until, now < until { return known.answers }
        guard let client = ExecutableSearch.find(ContainerEngine.docker.rawValue) else {
            return false
        }
        let question = HelperProcess(
            arguments: [client, "version", "--format", "{{.Server.Version}}"],
            environment: EngineCommand.environment(), workingDirectory: "/",
            outputPath: "/dev/null")
        // One that cannot be started does not answer either.
        let answers =
            (try? question.run(within: Self.patience, abort: AbortFlag())) == .exited(0)
        daemon.withLock { $0 = (answers, now + Self.validity) }
        return answers
    }
}
