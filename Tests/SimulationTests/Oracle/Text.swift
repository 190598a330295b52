@testable import JobModel

/// Events and effects in a few words, for the trace.
enum Text {
    static func of(_ event: AgentEvent) -> String {
        switch event {
        case .hello(_, let fence, let connection):
            "hello \(of(fence)) on \(connection.number)"
        case .message(_, let fence, let message): "\(of(fence)) \(of(message))"
        case .disconnected(let connection): "disconnected \(connection.number)"
        case .programs(let programs): "programs \(programs.engines)"
        case .contentMissing(let token, let tree):
            "contentMissing \(token.task) \(tree.content.short)"
        case .secretsMissing(let token): "secretsMissing \(token.task)"
        case .contentComplete(let token): "contentComplete \(token.task)"
        case .softwareFound(let token, _): "softwareFound \(token.task)"
        case .containerFound(let token, _): "containerFound \(token.task)"
        case .dataFound(let token, _): "dataFound \(token.task)"
        case .staging(let token, _): "staging \(token.task)"
        case .staged(let token): "staged \(token.task)"
        case .stagingFailed(let token, let verdict, _): "stagingFailed \(token.task) \(verdict)"
        case .initReady(let token, let process): "initReady \(token.task) \(process.pid)"
        case .endpointOpened(let token, let endpoint):
            "endpointOpened \(token.task) \(endpoint.port)"
        case .endpointFailed(let token, _): "endpointFailed \(token.task)"
        case .reached(let answer): of(answer)
        case .launchFailed(let token, _): "launchFailed \(token.task)"
        case .ended(let token, let ending): "ended \(token.task) \(ending.exit)"
        case .unkillable(let token): "unkillable \(token.task)"
        case .collected(let token, let outputs):
            "collected \(token.task) \(outputs?.totalSize.bytes ?? 0)"
        case .collectFailed(let token, _, _): "collectFailed \(token.task)"
        }
    }

    static func of(_ effect: AgentEffect) -> String {
        switch effect {
        case .record(let record): "record \(record)"
        case .welcome(let id, let welcome):
            "welcome \(id.number) "
                + welcome.reports.map { "\($0.token.task):\($0.phase)" }.joined(separator: ",")
        case .reject(let id, let highest): "reject \(id.number), \(of(highest))"
        case .close(let id): "close \(id.number)"
        case .send(let id, let message): "\(id.number) \(of(message))"
        case .stage(let order): "stage \(order.token.task)"
        case .abortStaging(let token): "abortStaging \(token.task)"
        case .openEndpoint(let token): "openEndpoint \(token.task)"
        case .closeEndpoint(let token): "closeEndpoint \(token.task)"
        case .reach(let question): "reach \(question.token.task)"
        case .launch(let order, _): "launch \(order.token.task)"
        case .release(let token): "release \(token.task)"
        case .supervise(let order): "supervise \(order.token.task)"
        case .signal(let token, _): "signal \(token.task)"
        case .stop(let token, let stop): "stop \(token.task) in \(stop.grace.count)"
        case .collect(let order): "collect \(order.token.task)"
        case .collectLater(let order, _): "collectLater \(order.token.task)"
        case .dropSecrets(let token): "dropSecrets \(token.task)"
        case .discard(let token): "discard \(token.task)"
        }
    }

    static func of(_ message: CoordinatorMessage) -> String {
        switch message {
        case .start(let order): "start \(order.token.task) nonce \(order.token.nonce % 10_000)"
        case .reach(let question): "reach \(question.token.task)"
        case .go(let token, let rendezvous): "go \(token.task) \(rendezvous.port)"
        case .stop(let token, let stop): "stop \(token.task) \(stop.cause)"
        case .cancel(let token, let immediately):
            "cancel \(token.task)\(immediately ? " now" : "")"
        case .signal(let token, _, let sequence): "signal \(token.task) #\(sequence)"
        case .acknowledge(let token): "acknowledge \(token.task)"
        case .contentPushed(let tree, let failure):
            "contentPushed \(tree.content.short) \(failure ?? "")"
        case .secretsHanded(let token, let failure):
            "secretsHanded \(token.task) \(failure ?? "")"
        case .ping(let value): "ping \(value)"
        }
    }

    static func of(_ message: AgentMessage) -> String {
        switch message {
        case .report(let report):
            "report \(report.token.task) \(report.phase) v\(report.version)"
        case .needContent(let token, _): "needContent \(token.task)"
        case .needSecrets(let token): "needSecrets \(token.task)"
        case .reach(let answer): of(answer)
        case .pong(let value): "pong \(value)"
        case .foreignUse(let use, let version): "foreignUse \(use) v\(version)"
        case .programs(let programs): "programs \(programs.engines)"
        }
    }

    static func of(_ event: CoordinatorEvent) -> String {
        switch event {
        case .submit(let request, _, _): "submit \(request.clientKey)"
        case .cancel(let id, let immediately, _): "cancel \(id)\(immediately ? " now" : "")"
        case .signal(let id, _, _): "signal \(id)"
        case .fetch(let id, _): "fetch \(id)"
        case .fetched(let id, _, let failure): "fetched \(id) \(failure.map { "\($0)" } ?? "")"
        case .connecting(let name): "connecting \(name)"
        case .connected(let name, let fence, let welcome):
            "connected \(name) \(of(fence)) with \(welcome.reports.count)"
        case .disconnected(let name, let fence, let reason, _):
            "disconnected \(name) \(of(fence)): \(reason)"
        case .message(let name, let fence, let message): "\(name) \(of(fence)) \(of(message))"
        case .pushed(let name, let token, _, _, let failure):
            "pushed \(name) \(token.task) \(failure.map { "\($0)" } ?? "")"
        case .secretsHanded(let name, let token, let failure):
            "secretsHanded \(name) \(token.task) \(failure.map { "\($0)" } ?? "")"
        case .secretsLost(let id): "secretsLost \(id)"
        case .restored(let record): "restored \(record.id)"
        case .silent(let name, let fence, _): "silent \(name) \(of(fence))"
        case .putWorker(let record, _): "putWorker \(record.name)"
        case .drain(let name, let drains, _): "drain \(name) \(drains)"
        case .changeDatasets(let name, _, _): "changeDatasets \(name)"
        case .rules(let rules): "rules \(rules.never.count)"
        case .removeWorker(let name, let lost, _): "removeWorker \(name)\(lost ? " lost" : "")"
        case .measured(let name, let fence, _, let missing):
            "measured \(name) \(of(fence)) \(missing.map { "\($0.bytes)" } ?? "unknown")"
        case .tick: "tick"
        }
    }

    static func of(_ effect: CoordinatorEffect) -> String {
        switch effect {
        case .commit(let job): "commit \(of(job))"
        case .reply(_, .submitted(let id)): "reply submitted \(id)"
        case .reply(_, .done): "reply done"
        case .reply(_, .failed(let error)): "reply \(error)"
        case .changed(let id): "changed \(id)"
        case .open(let name, let fence): "open \(name) \(of(fence))"
        case .send(let name, let fence, let message): "\(name) \(of(fence)) \(of(message))"
        case .push(let name, let token, _, _): "push \(name) \(token.task)"
        case .fetch(let name, let id, _): "fetch \(name) \(id)"
        case .handSecrets(let name, let token, _, _): "handSecrets \(name) \(token.task)"
        case .dropSecrets(let key): "dropSecrets \(key)"
        case .commitWorker(let record): "commit worker \(record.name)"
        case .deleteWorker(let name): "delete worker \(name)"
        case .link(let record): "link \(record.name)"
        case .unlink(let name): "unlink \(name)"
        case .breakLink(let name, let fence, let reason):
            "breakLink \(name) \(of(fence)): \(reason)"
        case .measure(let name, let fence, _): "measure \(name) \(of(fence))"
        case .forget(let id): "forget \(id)"
        case .wake(let at): "wake \(at.milliseconds)"
        }
    }

    static func of(_ answer: ReachAnswer) -> String {
        "reached \(answer.token.task) "
            + answer.reached.map { $0.joined(separator: "+") }.joined(separator: ",")
    }

    static func of(_ fence: Fence) -> String { "\(fence.epoch).\(fence.session)" }

    static func of(_ job: JobRecord) -> String {
        let tasks = (job.current?.tasks ?? []).map { " on \($0.worker) \($0.phase)" }.joined()
        let failed = job.current?.failure.map { ", rank \($0.rank) failed" } ?? ""
        let rest = job.reason.map { ": \($0)" } ?? ""
        return "\(job.id) \(job.state) attempt \(job.attempts.count)\(tasks)\(failed)"
            + " outputs \(job.outputsFetch)\(rest)"
    }
}
