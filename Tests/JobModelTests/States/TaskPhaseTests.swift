import Testing

@testable import JobModel

struct TaskPhaseTests {
    static func next(_ phase: TaskPhase, _ event: TaskEvent) -> TaskPhase? {
        do { return try phase.next(event) } catch { return nil }
    }

    @Test func theDiagramIsTheCode() throws {
        let page = try StateDiagram.page()
        let diagram = StateDiagram(section: "Task", of: page)
        #expect(diagram.start == TaskPhase.dispatching.rawValue)
        #expect(Set(diagram.ends) == Set(TaskPhase.allCases.filter(\.isFinal).map(\.rawValue)))
        var drawn: [String: String] = [:]
        for move in diagram.moves { drawn["\(move.from) \(move.event)"] = move.to }
        #expect(drawn.count == diagram.moves.count, "an arrow is drawn twice")
        for row in StateDiagram.rows(after: "| phase | events without", in: "Task", of: page) {
            let phase = StateDiagram.quoted(row[0])[0]
            for event in StateDiagram.quoted(row[1]) {
                #expect(drawn["\(phase) \(event)"] == nil, "\(event) in \(phase) is drawn too")
                drawn["\(phase) \(event)"] = phase
            }
        }
        for phase in TaskPhase.allCases {
            for event in TaskEvent.allCases {
                let pair = "\(phase.rawValue) \(event.rawValue)"
                let next = Self.next(phase, event)?.rawValue
                #expect(drawn.removeValue(forKey: pair) == next, "\(pair)")
            }
        }
        #expect(drawn.isEmpty, "there are no such phases or events: \(drawn)")
    }

    @Test func thePhaseTableIsTheCode() throws {
        let rows = StateDiagram.rows(
            after: "| phase | what is durable", in: "Task", of: try StateDiagram.page())
        #expect(rows.count == TaskPhase.allCases.count)
        for row in rows {
            let phase = try #require(TaskPhase(rawValue: StateDiagram.quoted(row[0])[0]))
            #expect(phase.holdsResources == (row[2] == "yes"), "\(phase)")
            #expect(phase.mayHaveRun == (row[3] == "yes"), "\(phase)")
        }
    }

    @Test func finalPhasesAbsorbEverything() {
        for phase in TaskPhase.allCases where phase.isFinal {
            for event in TaskEvent.allCases {
                let next = Self.next(phase, event)
                #expect(next == nil || next == phase, "\(event) in \(phase)")
            }
        }
    }

    @Test func everyPhaseIsReachedFromDispatching() {
        var reached: [TaskPhase] = [.dispatching]
        var index = 0
        while index < reached.count {
            for event in TaskEvent.allCases {
                if let next = Self.next(reached[index], event), !reached.contains(next) {
                    reached.append(next)
                }
            }
            index += 1
        }
        #expect(Set(reached) == Set(TaskPhase.allCases))
    }

    @Test func fromEveryPhaseThereIsAWayToAnEnd() {
        for start in TaskPhase.allCases {
            var reached: [TaskPhase] = [start]
            var index = 0
            while index < reached.count {
                for event in TaskEvent.allCases {
                    if let next = Self.next(reached[index], event), !reached.contains(next) {
                        reached.append(next)
                    }
                }
                index += 1
            }
            #expect(reached.contains { $0.isFinal }, "\(start)")
        }
    }

    @Test func whatMayHaveRunNeverComesBackToWhatHasNot() {
        for phase in TaskPhase.allCases where phase.mayHaveRun {
            for event in TaskEvent.allCases {
                #expect(Self.next(phase, event)?.mayHaveRun ?? true, "\(event) in \(phase)")
            }
        }
    }

    @Test func sharesThatAreGivenBackAreNotTakenAgain() {
        for phase in TaskPhase.allCases where !phase.holdsResources {
            for event in TaskEvent.allCases {
                #expect(Self.next(phase, event)?.holdsResources != true, "\(event) in \(phase)")
            }
        }
    }

    @Test func onlyWhatIsNotOverAndNotBeingEndedCanBeStopped() {
        let stoppable = TaskPhase.allCases.filter(\.canBeStopped)
        #expect(stoppable == [.dispatching, .accepted, .staging, .staged, .starting, .running])
    }

    @Test func anEventThatRepeatsLeavesThePhaseAsItIs() throws {
        for phase in TaskPhase.allCases {
            for event in TaskEvent.allCases {
                guard let next = Self.next(phase, event), event != .stage else { continue }
                #expect(Self.next(next, event) == next, "\(event) twice from \(phase)")
            }
        }
    }
}
