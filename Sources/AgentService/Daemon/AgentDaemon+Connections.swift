internal import ByteStream
internal import Glibc
internal import JobModel
internal import Logging
internal import Transfer
internal import UVLoop
internal import Wire

/// Coordinators at the socket.
extension AgentDaemon {
    /// Streams that are served at once; further ones wait in the kernel's line.
    private static let connectionLimit = 256
    private static let handshakeLimit = Duration.seconds(15)

    /// Takes connections until the task is cancelled.
    func acceptConnections(from listener: UVListener) async throws {
        while !Task.isCancelled {
            guard openConnections < Self.connectionLimit else {
                try await loop.sleep(for: .milliseconds(20))
                continue
            }
            do {
                let stream = try await listener.accept()
                openConnections += 1
                Task {
                    await serve(stream)
                    await stream.close()
                    openConnections -= 1
                    leaveIfUnneeded()
                }
            } catch let error as StreamError where [EMFILE, ENFILE].contains(error.errno) {
                try await loop.sleep(for: .milliseconds(200))
            }
        }
    }

    private func serve(_ stream: UVStream) async {
        guard stream.peer?.userID == geteuid() else { return }
        do {
            let incoming = try await Handshake.receiveHello(
                over: stream, within: Self.handshakeLimit)
            switch incoming.hello.role {
            case .control: try await serveControl(incoming)
            case .bulk: try await serveBulk(incoming)
            }
        } catch {
            logger.debug("a connection ended", metadata: ["error": "\(error)"])
        }
    }

    private func serveControl(_ incoming: IncomingConnection) async throws {
        nextConnection += 1
        let connection = ConnectionID(number: nextConnection)
        let hello = incoming.hello
        let outbox = ConnectionOutbox()
        // Before the core knows of the stream: what it sends right after the welcome is kept.
        outboxes[connection] = outbox
        defer {
            outboxes[connection] = nil
            post(.disconnected(connection))
            for service in bulkServices.values
            where service.coordinator == hello.coordinator && service.fence == hello.fence {
                service.task.cancel()
            }
        }
        await awaitFirstLook()
        let answer = await withCheckedContinuation { continuation in
            answers[connection] = continuation
            post(.programs(Self.programs(engines, asks: false)))
            post(.hello(hello.coordinator, hello.fence, connection))
        }
        let control: AgentControlConnection
        switch answer {
        case .stale(let highest):
            try await incoming.reject(.staleFence(highest: highest), within: Self.handshakeLimit)
            return
        case .welcome(let welcome):
            control = try await incoming.welcome(welcome, within: Self.handshakeLimit)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [weak self] in
                do {
                    while let message = try await control.receive() {
                        await self?.post(.message(hello.coordinator, hello.fence, message))
                    }
                } catch {
                    await self?.note("a coordinator's messages cannot be read", error)
                }
            }
            group.addTask { [weak self] in
                do {
                    for await message in outbox.messages { try await control.send(message) }
                } catch {
                    await self?.note("a coordinator does not take messages", error)
                }
            }
            await group.next()
            await control.close()
            group.cancelAll()
        }
    }

    /// Whether a task's log grows no more: its end is known, or it never was.
    private func isLogComplete(_ token: StartToken) -> Bool {
        switch core.task(token)?.phase {
        case nil, .exited, .collecting, .terminal, .revoked: true
        case .dispatching, .accepted, .staging, .staged, .starting, .running, .stopping,
            .unkillable:
            false
        }
    }

    private func note(_ what: Logger.Message, _ error: any Error) {
        logger.debug(what, metadata: ["error": "\(error)"])
    }

    /// A bulk stream is as good as the control stream under whose fence it was opened.
    private func serveBulk(_ incoming: IncomingConnection) async throws {
        let hello = incoming.hello
        guard core.hasSession(hello.coordinator, hello.fence) else {
            let refused = ShuntError(.refused, "open a control stream first")
            try await incoming.reject(.refused(refused), within: Self.handshakeLimit)
            return
        }
        let bulk = try await incoming.accept(
            Accepted(agent: core.identity.agent, release: options.release),
            within: Self.handshakeLimit)
        let responder = AgentResponder(
            coordinator: hello.coordinator, home: home, environments: staging.environments,
            images: staging.images, disk: disk, loop: loop,
            isOver: { [weak self] token in await self?.isLogComplete(token) ?? true },
            recipesInUse: { [weak self] in await self?.recipesInUse() ?? [] },
            imagesInUse: { [weak self] in await self?.imagesInUse() ?? [] },
            keepSecrets: { [weak self] in try await self?.keep($0, for: $1) })
        let server = BulkServer(inventory: inventory, executor: content, handler: responder)
        nextConnection += 1
        let number = ConnectionID(number: nextConnection)
        let task = Task { try await server.serve(bulk) }
        bulkServices[number] = BulkService(
            coordinator: hello.coordinator, fence: hello.fence, task: task)
        defer { bulkServices[number] = nil }
        try await task.value
    }
}

/// A bulk stream that is being served.
struct BulkService {
    var coordinator: CoordinatorID
    var fence: Fence
    var task: Task<Void, any Error>
}
