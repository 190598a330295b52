internal import ByteStream
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Logging
internal import Wire

/// Carrying out what the core decided, after its records are durable.
extension AgentDaemon {
    func perform(_ effect: AgentEffect) {
        switch effect {
        case .record: break
        case .welcome(let connection, let welcome):
            answers.removeValue(forKey: connection)?.resume(returning: .welcome(welcome))
        case .reject(let connection, let highest):
            answers.removeValue(forKey: connection)?.resume(returning: .stale(highest))
        case .close(let connection): outboxes[connection]?.finish()
        case .send(let connection, let message): outboxes[connection]?.send(message)
        case .stage(let order): stage(order)
        case .abortStaging(let token): stagings[token]?.cancel()
        case .openEndpoint(let token): openEndpoint(token)
        case .closeEndpoint(let token): endpoints.close(token)
        case .reach(let question): reach(question)
        case .launch(let order, nil), .supervise(let order): watch(order)
        case .launch(let order, let rendezvous?): launch(order, rendezvous)
        case .release(let token): onDirectory(token) { try $0.release() }
        case .signal(let token, let number): onDirectory(token) { try $0.signal(number) }
        case .stop(let token, let stop): onDirectory(token) { try $0.requestStop(stop) }
        case .collect(let order): collect(order)
        case .collectLater(let order, let delay):
            Task {
                // Ends early only with the process.
                try? await Task.sleep(for: .milliseconds(delay.count))
                collect(order)
            }
        case .dropSecrets(let token): dropSecrets(token)
        case .discard(let token): discard(token)
        }
    }

    /// Runs a step on a task's directory. What cannot be done is logged: the watch sees the state
    /// that results and the core decides again.
    private func onDirectory(
        _ token: StartToken, _ body: @escaping @Sendable (TaskDirectory) throws -> Void
    ) {
        let path = home.taskDirectory(token)
        Task {
            do {
                try await disk.run { try body(TaskDirectory(path)) }
            } catch {
                logger.error(
                    "a task could not be told", metadata: ["task": "\(token)", "error": "\(error)"])
                look(at: token)
            }
        }
    }

    private func stage(_ order: StartOrder) {
        let token = order.token
        guard stagings[token] == nil else { return }
        stagings[token] = Task {
            let event: AgentEvent
            do {
                if try await isLaunched(token) {
                    event = .staged(token)
                } else {
                    let outcome = try await staging.stage(
                        order, onContent: { await self.post(.contentComplete(token)) },
                        onActivity: { await self.post(.staging(token, activity: $0)) },
                        onPackages: { await self.post(.softwareFound(token, packages: $0)) },
                        onContainer: { await self.post(.containerFound(token, $0)) },
                        onData: { await self.post(.dataFound(token, $0)) })
                    event = outcome.event(for: token)
                }
            } catch {
                event = .stagingFailed(token, .cancelled, message: "cancelled before it started")
            }
            stagings[token] = nil
            post(event)
            await collectEnvironments()
        }
    }

    /// Whether an init of this task stands at its barrier already, or is about to, from before a
    /// restart.
    private func isLaunched(_ token: StartToken) async throws -> Bool {
        let path = home.taskDirectory(token)
        return try await disk.run {
            let seen = try TaskDirectory(path).observe()
            return seen.supervisorAlive || seen.initAlive
        }
    }

    private func collect(_ order: StartOrder) {
        let token = order.token
        guard collections.insert(token).inserted else { return }
        let directory = home.taskDirectory(token)
        let store = store
        Task {
            var event: AgentEvent
            do {
                let outputs = try await disk.run {
                    try TaskOutputs(order: order, directory: directory, store: store).collect()
                }
                event = .collected(token, outputs)
            } catch {
                // Without its directory, or with a pattern that is none, no later try will do.
                let isUsage = (error as? ShuntError)?.code == .usage
                event = .collectFailed(
                    token, message: "\(error)",
                    mayHeal: !isUsage && TaskStaging.hasWorkDirectory(in: directory))
            }
            collections.remove(token)
            post(event)
        }
    }

    /// The coordinator has the end of a task: all of it goes but the log.
    private func discard(_ token: StartToken) {
        unwatch(token)
        let name = AgentHome.taskName(token)
        let retention = retention
        Task {
            do {
                try await disk.run { try retention.removeWork(of: name) }
            } catch {
                logger.warning(
                    "a task's files could not be removed",
                    metadata: ["task": "\(token)", "error": "\(error)"])
            }
            discarded.append(name)
        }
    }
}

extension TaskStaging.Outcome {
    fileprivate func event(for token: StartToken) -> AgentEvent {
        switch self {
        case .staged: .staged(token)
        case .contentMissing(let tree): .contentMissing(token, tree)
        case .secretsMissing: .secretsMissing(token)
        case .failed(let verdict, let message):
            .stagingFailed(token, verdict, message: message)
        }
    }
}
