@testable import JobModel

/// Random values of what people, agents and coordinators write down.
extension SeededRandom {
    mutating func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }

    mutating func optional<Value>(_ make: (inout Self) -> Value) -> Value? {
        chance(3) ? nil : make(&self)
    }

    mutating func list<Value>(upTo count: Int, _ make: (inout Self) -> Value) -> [Value] {
        (0..<below(count + 1)).map { _ in make(&self) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// Text with all that JSON has to escape, and any plane of Unicode.
    mutating func text() -> String {
        let odd: [Unicode.Scalar] = ["\0", "\n", "\"", "\\", "/", "é", "\u{2028}", "漢", "😀"]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<below(20) {
            scalars.append(chance(5) ? pick(odd) : Unicode.Scalar(UInt8(32 + below(95))))
        }
        return String(scalars)
    }

    mutating func digest() -> Digest { Digest(bytes: bytes(Digest.byteCount))! }
    mutating func tree() -> TreeReference {
        TreeReference(content: digest(), metadata: digest())
    }
    mutating func byteCount() -> ByteCount { ByteCount(Int64(next() >> UInt64(1 + below(63)))) }
    mutating func milliseconds() -> Milliseconds { Milliseconds(Int64(next() >> 24)) }
    mutating func wallTime() -> WallTime { WallTime(milliseconds: Int64(next() >> 20)) }

    mutating func token() -> StartToken {
        let attempt = AttemptID(job: JobID(random: next()), number: 1 + below(1000))
        return StartToken(
            coordinator: CoordinatorID(high: next(), low: next()), epoch: next(),
            task: TaskID(attempt: attempt, rank: below(100)), nonce: next())
    }

    mutating func resources() -> Resources {
        Resources(milliCPUs: Int64(1 + below(1_024_000)), memory: byteCount())
    }

    mutating func command() -> JobSpec.Command {
        chance(2) ? .shell(text()) : .arguments([text()] + list(upTo: 4) { $0.text() })
    }

    mutating func placement() -> JobSpec.PlacementRequest {
        chance(2) ? .any : .worker(Sample.name("gpu-\(below(100))"))
    }

    mutating func software() -> SoftwareEnvironment {
        if chance(3) { return .existing(text()) }
        return .recipe(
            EnvironmentRecipe(
                kind: pick(EnvironmentRecipe.Kind.allCases), tree: tree(),
                python: optional { PythonRange(PythonVersion(major: 3, minor: $0.below(20))) },
                source: text(), packages: optional { $0.below(1000) },
                platform: optional { $0.text() }))
    }

    mutating func spec() -> JobSpec {
        JobSpec(
            name: optional { JobName("train-\($0.below(10))")! }, command: command(),
            workingDirectory: text(),
            environment: list(upTo: 4) { .init(name: $0.text(), value: $0.text()) },
            resources: resources(), cpuLimit: optional { 1 + Int64($0.below(1000)) },
            software: optional { $0.software() },
            outputs: list(upTo: 3) { $0.text() }, maximumDuration: optional { $0.milliseconds() },
            gracePeriod: milliseconds(), pullLimit: byteCount(), placement: placement(),
            container: optional {
                ContainerSpec(
                    image: .local("train"), sharedMemory: $0.optional { $0.byteCount() },
                    tree: $0.optional { $0.tree() })
            }, secrets: pick([[], ["HF_TOKEN"], ["A", "_b2"]]))
    }

    mutating func git() -> GitState {
        GitState(commit: text(), branch: optional { $0.text() }, dirty: chance(2))
    }

    mutating func image() -> PinnedImage {
        PinnedImage(id: digest(), manifest: optional { $0.digest() })
    }

    mutating func order() -> StartOrder {
        StartOrder(
            token: token(), spec: spec(), tree: tree(), git: optional { $0.git() },
            nodeCount: 1 + below(64), waitsForGo: chance(2),
            extraTrees: list(upTo: 2) { $0.tree() },
            image: optional { $0.image() })
    }

    mutating func inputs() -> JobInputs {
        JobInputs(
            tree: tree(), fileCount: Int64(next() >> 1), totalSize: byteCount(),
            sourceDirectory: text(), git: optional { $0.git() },
            references: list(upTo: 3) {
                FileReference(
                    digest: $0.digest(), size: $0.byteCount(), path: $0.bytes($0.below(30)))
            })
    }

    mutating func exit() -> JobModel.ExitStatus {
        switch below(5) {
        case 0: .exited(code: Int32(below(256)))
        case 1: .signalled(signal: Int32(1 + below(64)))
        case 2: .execFailed(errno: Int32(1 + below(133)))
        case 3: .neverStarted
        default: .vanished
        }
    }

    mutating func outputs() -> OutputSummary {
        OutputSummary(
            tree: tree(), fileCount: Int64(next() >> 1), totalSize: byteCount(),
            deletedCount: Int64(next() >> 1), deleted: list(upTo: 3) { $0.text() },
            warnings: list(upTo: 3) { $0.text() })
    }

    mutating func result() -> TaskResult {
        TaskResult(
            verdict: pick(TaskResult.Verdict.allCases), exit: optional { $0.exit() },
            cause: optional { $0.pick(StopCause.allCases) }, message: optional { $0.text() },
            outputs: optional { $0.outputs() }, warnings: list(upTo: 3) { $0.text() })
    }

    mutating func process() -> TaskProcess {
        TaskProcess(
            pid: Int32(2 + below(1 << 22)), startTicks: next(),
            killMethod: chance(2) ? .cgroup : .sweep,
            enforcesMemory: optional { $0.chance(2) }, enforcesCPU: optional { $0.chance(2) })
    }

    mutating func report() -> TaskReport {
        TaskReport(
            token: token(), phase: pick(TaskPhase.allCases), version: next(),
            activity: optional { $0.text() },
            container: optional {
                ContainerFacts(image: $0.image(), gpus: $0.pick(ContainerGPUs.allCases))
            },
            process: optional { $0.process() },
            startedAt: optional { $0.wallTime() }, endedAt: optional { $0.wallTime() },
            result: optional { $0.result() })
    }

    mutating func view() -> JobView {
        JobView(
            id: JobID(random: next()), name: optional { _ in JobName("digits")! },
            state: pick(JobState.allCases), version: next(),
            phase: optional { $0.pick(TaskPhase.allCases) }, activity: optional { $0.text() },
            waiting: optional {
                WaitingReason($0.pick(WaitingReason.Code.allCases), $0.text())
            },
            worker: optional { Sample.name("gpu-\($0.below(9))") }, link: optional { $0.text() },
            attempt: optional { 1 + $0.below(20) }, submittedAt: wallTime(),
            startedAt: optional { $0.wallTime() }, endedAt: optional { $0.wallTime() },
            exitCode: optional { Int32($0.below(256)) }, exit: optional { $0.exit() },
            cause: optional { $0.pick(StopCause.allCases) }, reason: optional { $0.text() },
            warnings: list(upTo: 3) { $0.text() },
            killMethod: optional { $0.chance(2) ? .cgroup : .sweep }, bytesSent: byteCount(),
            outputs: optional { $0.outputs() }, outputsFetch: pick(OutputsFetch.allCases),
            cancelRequested: chance(2),
            verdict: optional { $0.pick(TaskResult.Verdict.allCases) }, spec: spec(),
            inputs: inputs())
    }
}
