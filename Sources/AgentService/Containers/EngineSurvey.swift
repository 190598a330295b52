internal import ContentStore
internal import Glibc
internal import JobModel
internal import Synchronization

/// Which engines can run something: podman where it says its version, as the probe of a worker asks
/// it too, and docker's client where its daemon answers. Both are asked now and then.
final class EngineSurvey: Sendable {
    private let known = Mutex<[ContainerEngine: (answers: Bool, until: SteadyTime)]>([:])

    /// From one question to the next.
    private static let validity = Milliseconds.seconds(60)
    private static let patience = Milliseconds.seconds(10)

    /// The preferred one first. Blocks for as long as they take to answer.
    ///
    /// - Parameter asks: whether they may be asked; else the last answer counts, and one that was
    ///   never asked is believed to work.
    func working(asks: Bool) -> [ContainerEngine] {
        EngineCommand.installed().filter { engine in
            asks ? answers(engine) : known.withLock { $0[engine]?.answers ?? true }
        }
    }

    private func answers(_ engine: ContainerEngine) -> Bool {
        let now = SteadyTime.current
        if let last = known.withLock({ $0[engine] }), now < last.until { return last.answers }
        guard let client = ExecutableSearch.find(engine.rawValue) else { return false }
        let answers = Self.answers(engine, client)
        known.withLock { $0[engine] = (answers, now + Self.validity) }
        return answers
    }

    private static func answers(_ engine: ContainerEngine, _ client: String) -> Bool {
        var environment = EngineCommand.environment()
        var arguments = [client, "--version"]
        // To say its version, podman makes directories for a session where there is none.
        var session: String?
        switch engine {
        case .docker: arguments = [client, "version", "--format", "{{.Server.Version}}"]
        case .podman where getenv("XDG_RUNTIME_DIR") == nil:
            var template = Array("/tmp/shunt-XXXXXX".utf8CString)
            if mkdtemp(&template) != nil {
                let path = String(
                    decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
                session = path
                environment.append("XDG_RUNTIME_DIR=\(path)")
            }
        case .podman: break
        }
        // Nothing of it is needed again; what cannot be removed is an empty directory.
        defer { if let session { try? removeTree(at: RawPath(session)) } }
        let question = HelperProcess(
            arguments: arguments, environment: environment, workingDirectory: "/",
            outputPath: "/dev/null")
        // One that cannot be started does not answer either.
        return (try? question.run(within: patience, abort: AbortFlag())) == .exited(0)
    }
}
