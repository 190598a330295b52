internal import ByteStream
internal import JobModel
internal import Logging

/// Tasks of gangs, from the moment that they are staged until they are launched.
extension AgentDaemon {
    func openEndpoint(_ token: StartToken) {
        do {
            post(.endpointOpened(token, try endpoints.open(token)))
        } catch {
            post(
                .endpointFailed(
                    token, message: "no port can be opened for the others of its gang: \(error)"))
        }
    }

    func reach(_ question: ReachQuestion) {
        Task {
            do {
                let answer = try await probes.run { ReachProbe.run(question) }
                post(.reached(answer))
            } catch {
                // The daemon is ending; its successor is asked again.
                logger.debug("a probe was given up", metadata: ["task": "\(question.token.task)"])
            }
        }
    }

    /// Makes the plan whole before anything looks at it.
    func launch(_ order: StartOrder, _ rendezvous: Rendezvous) {
        let token = order.token
        endpoints.close(token)
        let directory = home.taskDirectory(token)
        let initExecutable = options.initExecutable
        Task {
            do {
                try await disk.run {
                    try GangLaunch(
                        order: order, rendezvous: rendezvous, directory: directory,
                        initExecutable: initExecutable
                    ).complete()
                }
                watch(order)
            } catch {
                post(.launchFailed(token, message: "the task cannot be launched: \(error)"))
            }
        }
    }
}
