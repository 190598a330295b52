import Testing

@testable import JobModel

struct JobStateTests {
    static func next(_ state: JobState, _ event: JobEvent) -> JobState? {
        do { return try state.next(event) } catch { return nil }
    }

    @Test func theDiagramIsTheCode() throws {
        let diagram = StateDiagram(section: "Job", of: try StateDiagram.page())
        #expect(diagram.start == JobState.queued.rawValue)
        #expect(Set(diagram.ends) == Set(JobState.allCases.filter(\.isTerminal).map(\.rawValue)))
        var drawn: [String: String] = [:]
        for move in diagram.moves { drawn["\(move.from) \(move.event)"] = move.to }
        for state in JobState.allCases {
            for event in JobEvent.allCases {
                let pair = "\(state.rawValue) \(event.rawValue)"
                let next = Self.next(state, event)?.rawValue
                #expect(drawn.removeValue(forKey: pair) == next, "\(pair)")
            }
        }
        #expect(drawn.isEmpty, "there are no such states or events: \(drawn)")
    }

    @Test func terminalNeverChanges() {
        for state in JobState.allCases where state.isTerminal {
            for event in JobEvent.allCases { #expect(Self.next(state, event) == nil) }
        }
    }

    @Test func everyStateIsReachedFromQueued() {
        let first = JobEvent.allCases.compactMap { Self.next(.queued, $0) }
        let second = first.flatMap { state in
            JobEvent.allCases.compactMap { Self.next(state, $0) }
        }
        #expect(Set([.queued] + first + second) == Set(JobState.allCases))
    }

    @Test(
        arguments: [
            ([.dispatching], .reserved), ([.accepted, .staged], .reserved),
            ([.starting, .starting], .reserved), ([.running, .staged], .running),
            ([.stopping], .running), ([.unkillable, .terminal], .running), ([.exited], .running),
            ([.collecting, .terminal], .running), ([.terminal, .terminal], .terminal),
            ([.revoked], .terminal), ([.terminal, .revoked], .terminal),
            // One rank was refused and the other is not over: nothing more is known to have run.
            ([.revoked, .staging], .reserved),
        ] as [([TaskPhase], AttemptPhase)])
    func anAttemptIsAFoldOverItsTasks(_ phases: [TaskPhase], _ attempt: AttemptPhase) {
        #expect(AttemptPhase(folding: phases) == attempt)
        #expect(AttemptPhase(folding: phases.reversed()) == attempt)
    }

    @Test func aSingleTaskFoldsByWhetherItRanAndIsOver() {
        for phase in TaskPhase.allCases {
            let expected: AttemptPhase =
                phase.isFinal ? .terminal : phase.mayHaveRun ? .running : .reserved
            #expect(AttemptPhase(folding: [phase]) == expected)
        }
    }
}
