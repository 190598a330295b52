import Foundation
import Lab
import Testing

/// The link breaks in each phase of a job: the job goes on, or the phase begins again, and what has
/// been sent already is not sent again.
@Suite(.serialized, .enabled(if: geteuid() == 0, RemoteLab.reason), .sharedWorker)
struct PhaseCutTests {
    /// A moment of a job's life that can be seen from outside.
    enum Phase: String, CaseIterable {
        case pushing, accepted, building, barrier, ended, fetching
    }

    private static let mebibyte = 1 << 20

    @Test(arguments: Phase.allCases)
    func aLinkThatBreaksDoesNoHarm(_ phase: Phase) async throws {
        try await RemoteLab.shared { lab in
            var job = try lab.countingJob()
            (job.lines, job.files) = (60, phase == .fetching ? 600 : 40)
            // The build is under way until the link is back.
            let gate = lab.host.account.home + "/gate"
            defer { for name in [gate, gate + ".begun"] { unlink(name) } }
            let wait = "touch \(gate).begun; while [ ! -e \(gate) ]; do sleep 0.1; done"
            let setup = "{setup: ['\(wait)']}"
            try lab.home.write("job.yaml", "environment: \(phase == .building ? setup : "{}")\n")
            if phase == .pushing {
                let made = try await lab.home.shell(
                    "mkdir data; for i in 0 1 2 3 4 5 6 7; do "
                        + "head -c \(Self.mebibyte) /dev/urandom >data/$i; done")
                #expect(made.code == 0)
                lab.host.relay.setRate(bitsPerSecond: 40_000_000, .up)
            }
            let before = lab.host.relay.counts
            let directory = try #require(try await lab.worker()["directory"].string)
            let known = Set(directories(in: directory + "/tasks"))
            let run = try job.start(["--on", lab.name, "-f", "job.yaml"])
            let came = await eventually(within: .seconds(40)) {
                run.hasEnded || hasCome(phase, lab, run, before, directory, but: known)
            }
            #expect(came && !run.hasEnded, "\(phase): \(run.errorsSoFar)")
            lab.breakLink()
            // A moment without a link, in which the coordinator looks for it.
            let accepted = lab.host.relay.counts.accepted
            lab.host.relay.restore()
            let isBack = await eventually { lab.host.relay.counts.accepted > accepted }
            #expect(isBack, "\(phase)")
            #expect(FileManager.default.createFile(atPath: gate, contents: nil))
            lab.host.relay.setRate(bitsPerSecond: nil)
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, "\(phase)")
            if phase == .pushing {
                let sent = lab.host.relay.counts.bytesUp - before.bytesUp
                #expect(sent < 11 * Self.mebibyte, "sent again: \(sent) bytes for 8 MiB")
            }
        }
    }

    private func hasCome(
        _ phase: Phase, _ lab: RemoteLab, _ run: Command, _ before: Relay.Counts,
        _ directory: String, but known: Set<String>
    ) -> Bool {
        /// Whether the job's task has a file of this name.
        func hasTask(_ name: String = "") -> Bool {
            directories(in: directory + "/tasks").contains { task in
                !known.contains(task)
                    && FileManager.default.fileExists(
                        atPath: "\(directory)/tasks/\(task)/\(name)")
            }
        }
        switch phase {
        case .pushing:
            return lab.host.relay.counts.bytesUp - before.bytesUp > 4 * Self.mebibyte
        case .accepted: return hasTask()
        case .building:
            return FileManager.default.fileExists(atPath: lab.host.account.home + "/gate.begun")
        case .barrier: return hasTask("init.ready")
        case .ended: return hasTask("exit")
        case .fetching:
            guard hasTask("exit") else { return false }
            lab.host.relay.setRate(bitsPerSecond: 500_000, .down)
            return run.errorsSoFar.contains("fetching outputs")
        }
    }
}
