/// Tasks of a gang: they wait, staged, until the coordinator knows how they reach each other.
extension AgentCore {
    mutating func endpointOpened(
        _ token: StartToken, _ endpoint: GangEndpoint
    ) -> [AgentEffect] {
        guard let index = index(of: token) else { return [.closeEndpoint(token)] }
        guard tasks[index].phase == .staged else {
            // `Go` came first, or the task is over.
            return [.closeEndpoint(token)]
        }
        tasks[index].endpoint = endpoint
        return report(index)
    }

    /// An answer for a session that is over is asked for again by the next one.
    func reached(_ answer: ReachAnswer) -> [AgentEffect] {
        guard task(answer.token)?.phase == .staged,
            let session = sessions.first(where: { $0.coordinator == answer.token.coordinator })
        else { return [] }
        return [.send(session.connection, .reach(answer))]
    }

    mutating func go(
        _ token: StartToken, _ rendezvous: Rendezvous
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), !tasks[index].mayLaunch,
            tasks[index].order?.waitsForGo == true
        else { return [] }
        tasks[index].mayLaunch = true
        tasks[index].rendezvous = rendezvous
        return tasks[index].phase == .staged ? try launch(index) : []
    }
}
