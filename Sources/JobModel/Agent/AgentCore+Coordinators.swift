/// What coordinators say.
extension AgentCore {
    mutating func hello(
        _ coordinator: CoordinatorID, _ fence: Fence, _ connection: ConnectionID
    ) -> [AgentEffect] {
        if let highest = fences.first(where: { $0.coordinator == coordinator })?.fence,
            fence <= highest
        {
            return [.reject(connection, highest: highest)]
        }
        var effects = [commit(.fenced(coordinator, fence))]
        for session in sessions where session.coordinator == coordinator {
            effects.append(.close(session.connection))
        }
        sessions.removeAll { $0.coordinator == coordinator }
        sessions.append(
            Session(
                coordinator: coordinator, fence: fence, connection: connection,
                foreignUse: foreignUse(for: coordinator), programs: programs))
        for index in tasks.indices where tasks[index].token.coordinator == coordinator {
            tasks[index].version += 1
            tasks[index].lastSignalSequence = 0
        }
        let own = tasks.filter { $0.token.coordinator == coordinator }
        effects.append(
            .welcome(
                connection,
                Welcome(
                    agent: identity.agent, incarnation: identity.incarnation,
                    capacity: identity.capacity, inUse: inUse, platform: identity.platform,
                    release: identity.release, reports: own.map(\.report),
                    engines: programs.engines, tools: programs.tools)))
        for task in own where task.phase == .staging {
            if let tree = task.awaitedTree {
                effects.append(.send(connection, .needContent(task.token, tree)))
            }
            if task.awaitsSecrets {
                effects.append(.send(connection, .needSecrets(task.token)))
            }
        }
        return effects
    }

    mutating func receive(
        _ message: CoordinatorMessage, from coordinator: CoordinatorID, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        // A coordinator has a say in its own tasks only.
        if let token = message.token, token.coordinator != coordinator { return [] }
        switch message {
        case .start(let order): return try start(order, at: now)
        case .reach(let question):
            return task(question.token)?.phase == .staged ? [.reach(question)] : []
        case .go(let token, let rendezvous): return try go(token, rendezvous)
        case .stop(let token, let stop): return try end(token, stop, at: now)
        case .cancel(let token, let immediately):
            let grace = immediately ? Milliseconds(0) : .forever
            return try end(token, StopOrder(cause: .cancel, grace: grace), at: now)
        case .signal(let token, let number, let sequence):
            return signal(token, number: number, sequence: sequence)
        case .acknowledge(let token): return acknowledge(token, at: now)
        case .contentPushed(let tree, let failure):
            return try contentPushed(tree, from: coordinator, failure: failure, at: now)
        case .secretsHanded(let token, let failure):
            return try secretsHanded(token, failure: failure, at: now)
        case .ping(let value):
            guard let session = sessions.first(where: { $0.coordinator == coordinator }) else {
                return []
            }
            return [.send(session.connection, .pong(value))]
        }
    }

    /// What others than this coordinator hold.
    private func foreignUse(for coordinator: CoordinatorID) -> Resources {
        tasks.reduce(.none) {
            $1.token.coordinator == coordinator ? $0 : $0 + $1.resources
        }
    }

    /// Tells coordinators what has changed beside their own tasks: only so does one with a queue
    /// learn that another has left it room.
    mutating func foreignUseNews() -> [AgentEffect] {
        var effects: [AgentEffect] = []
        for index in sessions.indices {
            let use = foreignUse(for: sessions[index].coordinator)
            guard use != sessions[index].foreignUse else { continue }
            sessions[index].foreignUse = use
            sessions[index].foreignUseVersion += 1
            effects.append(
                .send(
                    sessions[index].connection,
                    .foreignUse(use, version: sessions[index].foreignUseVersion)))
        }
        return effects
    }

    /// Tells coordinators what has been installed or removed since they connected.
    mutating func programNews() -> [AgentEffect] {
        var effects: [AgentEffect] = []
        for index in sessions.indices where sessions[index].programs != programs {
            sessions[index].programs = programs
            effects.append(.send(sessions[index].connection, .programs(programs)))
        }
        return effects
    }

    private mutating func start(
        _ order: StartOrder, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        if tombstones.contains(where: { $0.token == order.token }) { return [] }
        if let known = index(of: order.token) { return report(known) }
        if order.spec.container != nil, programs.engines.isEmpty {
            let result = TaskResult(
                verdict: .refused, message: "no container engine is installed there")
            let effect = commit(.finished(order.token, result, at: now.wall))
            return [effect] + report(tasks.count - 1)
        }
        let free = identity.capacity - inUse
        guard order.spec.resources.fits(in: free) else {
            let result = TaskResult(
                verdict: .refused,
                message: "needs \(order.spec.resources), and \(free) of "
                    + "\(identity.capacity) is free")
            let effect = commit(.finished(order.token, result, at: now.wall))
            return [effect] + report(tasks.count - 1)
        }
        let effect = commit(.accepted(order, at: now.wall))
        let index = tasks.count - 1
        try advance(index, .stage)
        return [effect, .stage(order)] + report(index)
    }

    /// - Parameter stop: its grace period is the longest; that of the job may be shorter.
    private mutating func end(
        _ token: StartToken, _ stop: StopOrder, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        if tombstones.contains(where: { $0.token == token }) { return [] }
        guard let index = index(of: token) else {
            let effect = commit(.revoked(token))
            return [effect] + report(tasks.count - 1)
        }
        switch tasks[index].phase {
        case .accepted, .staging, .staged:
            let what =
                stop.cause == .gang
                ? "given up, since another task of its gang had failed"
                : "cancelled before it started"
            let result = TaskResult(verdict: .cancelled, cause: stop.cause, message: what)
            return try abandon(token, result, at: now)
        case .starting, .running, .stopping, .unkillable:
            let usual = tasks[index].order?.spec.gracePeriod ?? .seconds(10)
            let stop = StopOrder(cause: stop.cause, grace: min(usual, stop.grace))
            if let standing = tasks[index].stop, standing.grace <= stop.grace {
                return report(index)
            }
            return [commit(.stopRequested(token, stop)), .stop(token, stop)] + report(index)
        case .collecting where tasks[index].activity != nil:
            // The outputs cannot be stored at the moment, and nobody wants to wait for them.
            return try collected(
                token, nil, losing: "its outputs could not be stored and were given up", at: now)
        case .dispatching, .exited, .collecting, .terminal, .revoked:
            return report(index)
        }
    }

    private mutating func signal(
        _ token: StartToken, number: Int32, sequence: UInt64
    ) -> [AgentEffect] {
        guard let index = index(of: token), sequence > tasks[index].lastSignalSequence,
            tasks[index].phase == .running || tasks[index].phase == .stopping
        else { return [] }
        tasks[index].lastSignalSequence = sequence
        return [.signal(token, number: number)]
    }

    private mutating func acknowledge(_ token: StartToken, at now: Moment) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase.isFinal else { return [] }
        tombstones.append(
            Tombstone(token: token, until: now.steady + Self.tombstoneLife))
        return [commit(.acknowledged(token)), .discard(token)]
    }
}
