import Foundation
import Lab
import Testing

/// Links that say nothing, where only the product's own pings tell: it takes half a minute until
/// one is given up, so all kinds of silence are tried at once, each on a link and an agent of its
/// own.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason))
struct SilentLinkTests {
    @Test func aJobOutlivesEveryKindOfSilence() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let links = try Silence.allCases.map { try SilentLink($0, lab) }
            defer { for link in links { link.relay.stop() } }
            try lab.configure(links.map(\.entry))
            await withTaskGroup(of: Void.self) { group in
                for link in links {
                    group.addTask {
                        do {
                            try await link.tryOut()
                        } catch {
                            Issue.record(error, "\(link.kind)")
                        }
                    }
                }
            }
        }
    }
}

/// How a link falls silent.
private enum Silence: String, CaseIterable {
    /// It stands still for longer than is put up with in silence, and goes on where it stood.
    case frozen
    /// Nothing passes until it is mended; then everything does.
    case stalled
    /// What is sent is lost.
    case swallowed
    /// The worker can be heard and not told.
    case up
    /// The worker can be told and not heard.
    case down
}

/// A link, and a worker at its end that nobody else uses.
private struct SilentLink: Sendable {
    let kind: Silence
    let relay: Relay
    let entry: ClientHost
    private let lab: RemoteLab
    private var name: String { kind.rawValue }

    init(_ kind: Silence, _ lab: RemoteLab) throws {
        self.kind = kind
        let relay = try Relay(
            listeningOn: Endpoint(address: "127.0.1.1", port: 0), to: lab.host.server.endpoint)
        self.relay = relay
        var entry = lab.host.entry
        entry.alias = kind.rawValue
        entry.endpoint = relay.endpoint
        // The key is on record for the address of the host's own relay.
        entry = entry.adding("HostKeyAlias [127.0.1.1]:\(lab.host.endpoint.port)")
        self.entry = entry
        var own = lab
        own.home.work = lab.home.base + "/" + kind.rawValue
        try FileManager.default.createDirectory(
            atPath: own.home.work, withIntermediateDirectories: false)
        self.lab = own
    }

    func tryOut() async throws {
        try await lab.add(name, "--dir", "\(lab.host.account.home)/\(name)")
        var job = try lab.countingJob()
        job.lines = 400
        let run = try await job.start(["--on", name, "--name", name], untilLine: 20)
        let accepted = relay.counts.accepted
        fail()
        switch kind {
        case .frozen:
            try await expectShown("silent")
            let late = try await submitMeanwhile()
            relay.thaw()
            try await finish(job, run)
            #expect(try await lab.home.run("wait", late).code == 0)
            #expect(relay.counts.accepted == accepted)
        case .stalled, .swallowed, .down:
            try await expectShown("silent")
            try await expectShown("unreachable")
            // Nothing of the job's end is known here, though it has long come.
            #expect(!run.hasEnded)
            relay.restore()
            try await finish(job, run)
            #expect(relay.counts.accepted > accepted)
        case .up:
            // The end of the job is heard; its outputs have to be asked for.
            let isGivenUp = await eventually(within: .seconds(50)) {
                relay.counts.accepted > accepted
            }
            #expect(isGivenUp, "\(kind)")
            #expect(!run.hasEnded)
            relay.restore()
            try await finish(job, run)
        }
    }

    private func fail() {
        switch kind {
        case .frozen: relay.freeze()
        case .stalled: relay.cut()
        case .swallowed: relay.cut(losing: .swallowed)
        case .up: relay.cut(.up)
        case .down: relay.cut(.down)
        }
    }

    /// Beside the job's state, which stays what it was.
    private func expectShown(_ link: String) async throws {
        var text = ""
        let isShown = try await eventually(within: .seconds(50)) {
            text = try await lab.home.run("ps").text
            return text.contains("running · \(name) \(link) for ")
        }
        #expect(isShown, "\(kind), \(link): \(text)")
    }

    /// Whoever submits meanwhile is told where the job waits, and nothing of a coordinator that is
    /// well.
    private func submitMeanwhile() async throws -> String {
        let outcome = try await lab.home.run(
            ["submit", "--on", name, "--", "true"], within: .seconds(10))
        #expect(outcome.code == 0, "\(outcome.errorText)")
        #expect(outcome.errorText.contains("waiting here for"), "\(outcome.errorText)")
        #expect(!outcome.errorText.contains("does not answer"), "\(outcome.errorText)")
        return outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func finish(_ job: CountingJob, _ run: Command) async throws {
        let outcome = await run.outcome()
        try await job.expectRanOnce(outcome, "\(kind)", named: name)
    }
}
