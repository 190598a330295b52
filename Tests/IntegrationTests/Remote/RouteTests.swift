import Foundation
import Lab
import Testing

/// The ways to a worker that an SSH configuration can describe.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason))
struct RouteTests {
    /// Adds a worker, runs a job there that fails and one that brings a file back.
    private func expectWorks(
        _ lab: RemoteLab, _ name: String, _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let added = try await lab.home.run(["worker", "add", name] + words)
        try #require(added.code == 0, "\(added.errorText)", sourceLocation: location)
        let run = try await lab.home.run(
            "run", "-q", "--on", name, "--", "sh", "-c", "id -un; id -un >\(name).txt; exit 6")
        #expect(run.code == 6, "\(run.errorText)", sourceLocation: location)
        let user = lab.host.account.name + "\n"
        #expect(run.text == user, sourceLocation: location)
        #expect(try lab.home.read("\(name).txt") == user, sourceLocation: location)
    }

    @Test func aWorkerMayStandBehindAnother() async throws {
        let bastion = try LabHost(.init(alias: "bastion", address: "127.0.1.2"))
        defer { bastion.remove() }
        try await RemoteLab.use(isEnrolled: false) { lab in
            var command = lab.host.entry
            command.alias = "by-command"
            command.lines = [
                "ProxyCommand ssh -F \(lab.configuration) -W %h:%p \(bastion.alias)"
            ]
            try lab.configure([
                lab.host.entry.jumping(over: bastion.entry), command, bastion.entry,
            ])
            try await expectWorks(lab, lab.name)
            let jumps = bastion.relay.counts.accepted
            #expect(jumps > 0)
            #expect(
                bastion.account.processes.allSatisfy {
                    !Lab.ProcessTable.command($0.pid).contains("daemon")
                })
            #expect(try await lab.home.run("worker", "rm", lab.name).code == 0)
            try await expectWorks(lab, "by-command")
            #expect(bastion.relay.counts.accepted > jumps)
        }
    }

    @Test func theUsersOwnSSHMayMakeTheConnections() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            try lab.configure([lab.host.entry.sharingConnections(in: lab.home.base)])
            try await expectWorks(lab, lab.name, "--transport", "openssh")
            // All over the one that is shared.
            #expect(lab.host.relay.counts.accepted == 1)
            let worker = try await lab.worker()
            #expect(worker["address"]["transport"].string == "openssh", "\(worker)")
            lab.host.relay.reset()
            let after = try await lab.run("echo", "again", options: ["-q"])
            #expect(after.text == "again\n", "\(after.errorText)")
        }
    }

    @Test func userHostAndPortMayBeGivenInPlaceOfAnAlias() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            var entry = lab.host.entry
            entry.alias = "*"
            let place = lab.host.endpoint
            try lab.configure([entry])
            // The configuration's own port is another one: what is given wins.
            entry.endpoint = Endpoint(address: place.address, port: 1)
            entry.user = "nobody"
            try lab.configure([entry])
            let host = "\(lab.host.account.name)@\(place.address):\(place.port)"
            try await expectWorks(lab, "w-1", host)
        }
    }

    /// A daemon cannot ask: it shows that it needs a person, and what the person's next command
    /// brings is enough.
    @Test func aKeyOfTheSSHAgentComesWithTheNextCommand() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            var entry = lab.host.entry
            entry.identityFile = nil
            try lab.configure([entry])
            let agent = try KeyAgent(socket: lab.home.base + "/agent.sock")
            defer { agent.stop() }
            try agent.add(lab.host.key)
            let person = ["SSH_AUTH_SOCK": agent.socket]
            let added = try await lab.home.run(["worker", "add", lab.name], env: person)
            #expect(added.code == 0, "\(added.errorText)")
            let job = try lab.countingJob()
            let submitted = try await lab.home.run(
                ["submit", "--on", lab.name, "--"] + job.command, env: person)
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(await eventually { job.starts.count == 1 }, "\(submitted.errorText)")

            lab.home.kill9([.coordinator])
            var worker = JSON.null
            let needsLogin = try await eventually {
                worker = try await lab.worker()
                return worker["link"].string?.hasPrefix("needs login") == true
            }
            #expect(needsLogin, "\(worker)")
            let listed = try await lab.home.run("ps", "-a")
            #expect(listed.text.contains("needs login"), "\(listed.text)")
            // Each command brings the socket, this one as well.
            #expect(try await lab.home.run(["ps"], env: person).code == 0)
            let isBack = try await eventually {
                worker = try await lab.worker()
                return worker["connected"] == .bool(true)
            }
            #expect(isBack, "\(worker)")
            #expect(try await lab.home.run("wait", id).text == "\(job.code)\n")
            #expect(try await lab.home.run("logs", id).text == job.expectedOutput)
            #expect(job.starts.count == 1)
        }
    }
}
