import Foundation
import Lab
import Testing

/// Secrets of jobs behind SSH: over the link, into the memory of the worker, and on neither disk.
@Suite(.serialized, .enabled(if: geteuid() == 0, RemoteLab.reason), .sharedWorker)
struct RemoteSecretTests {
    @Test func neitherDiskHasThemAfterSuccessAndFailure() async throws {
        try await RemoteLab.shared { lab in
            for code in [0, 7] {
                let trace = SecretTrace()
                let script = "\(SecretTrace.prove("T")); stat -f -c %T $SHUNT_SECRETS; exit \(code)"
                let outcome = try await lab.home.run(
                    ["run", "--on", lab.name, "--secret", "T", "--", "sh", "-c", script],
                    env: ["T": trace.value])
                #expect(outcome.code == Int32(code), "\(outcome.errorText)")
                #expect(outcome.text == (try await trace.proof(lab.home)) + "tmpfs\n")
                trace.expectNone(in: outcome)
                try await expectGone(trace, lab, lab.home.latestJob())
            }
        }
    }

    @Test func aLinkThatBreaksAndAnAgentThatIsKilledLeaveThemInPlace() async throws {
        try await RemoteLab.shared { lab in
            let trace = SecretTrace()
            lab.breakLink()
            let mark = lab.host.account.home + "/go-\(UInt64.random(in: 0...UInt64.max))"
            let script = """
                \(SecretTrace.prove("T")); while [ ! -e \(mark) ]; do sleep 0.05; done
                sha256sum <$SHUNT_SECRETS/T
                """
            let id = try await lab.home.submit(
                ["sh", "-c", script], options: ["--on", lab.name, "--secret", "T"],
                env: ["T": trace.value])
            lab.mendLink()
            let proof = try await trace.proof(lab.home)
            let runs = try await eventually(within: .seconds(60)) {
                try await lab.home.run("logs", id).text == proof
            }
            #expect(runs)
            trace.expectNoArguments()
            let agents = lab.host.agentPids
            #expect(!agents.isEmpty)
            for pid in agents { kill(pid, SIGKILL) }
            lab.breakLink()
            #expect(try await lab.host.account.shell("touch \(mark)").code == 0)
            // The supervisor takes them away, whoever else lives.
            await trace.expectMemoryIsClear(lab.host.memoryDirectories.map { $0 + "/agent" })
            lab.mendLink()
            #expect(try await lab.home.run(["wait", id], within: .seconds(90)).text.contains("0"))
            #expect(try await lab.home.run("logs", id).text == proof + proof)
            try await expectGone(trace, lab, id)
        }
    }

    private func expectGone(_ trace: SecretTrace, _ lab: RemoteLab, _ job: String) async throws {
        let isClear = await eventually { lab.host.memoryDirectories.isEmpty }
        #expect(isClear, "\(lab.host.memoryDirectories)")
        await trace.expectMemoryIsClear([lab.home.memoryDirectory])
        try await trace.expectNone(
            in: lab.home, besides: [lab.host.account.home] + lab.host.socketDirectories, job: job)
    }
}
