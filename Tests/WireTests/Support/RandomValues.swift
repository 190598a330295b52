import JobModel
import TestSupport
import Wire

/// Random values of everything that is sent or kept.
extension SeededGenerator {
    mutating func digest() -> Digest { Digest(bytes: bytes(32))! }

    mutating func tree() -> TreeReference {
        TreeReference(content: digest(), metadata: digest())
    }

    mutating func coordinator() -> CoordinatorID { CoordinatorID(high: next(), low: next()) }

    mutating func fence() -> Fence { Fence(epoch: next(), session: next()) }

    mutating func token(rank: Int? = nil) -> StartToken {
        let attempt = AttemptID(job: JobID(random: next()), number: 1 + below(1000))
        return StartToken(
            coordinator: coordinator(), epoch: next(),
            task: TaskID(attempt: attempt, rank: rank ?? below(100)), nonce: next())
    }

    mutating func resources() -> Resources {
        Resources(milliCPUs: Int64(below(1 << 30)), memory: byteCount())
    }

    mutating func byteCount() -> ByteCount { ByteCount(Int64(below(1 << 50))) }
    mutating func milliseconds() -> Milliseconds { Milliseconds(Int64(below(1 << 40))) }

    mutating func wallTime() -> WallTime {
        WallTime(milliseconds: Int64(below(253_402_300_799_999)))
    }

    mutating func software() -> SoftwareEnvironment {
        if chance(3) { return .existing(text()) }
        return .recipe(
            EnvironmentRecipe(
                kind: pick(EnvironmentRecipe.Kind.allCases), tree: tree(),
                python: optional { $0.pythons() },
                source: text(), packages: optional { $0.below(1000) },
                platform: optional { $0.text() },
                importPaths: optional { _ in [".", "src"] }))
    }

    mutating func pythons() -> PythonRange {
        let lowest = PythonVersion(major: 3, minor: below(20))
        let end = PythonVersion(major: 3, minor: lowest.minor + 1 + below(3))
        return PythonRange(from: lowest, below: optional { _ in end }) ?? PythonRange(lowest)
    }

    mutating func spec() -> JobSpec {
        JobSpec(
            name: optional { _ in JobName("train-1")! },
            command: chance(2)
                ? .shell(text()) : .arguments([text()] + list(upTo: 5) { $0.text() }),
            workingDirectory: text(),
            environment: list(upTo: 5) { .init(name: $0.text(), value: $0.text(upTo: 300)) },
            resources: resources(), cpuLimit: optional { 1 + Int64($0.below(1000)) },
            software: optional { $0.software() },
            outputs: list(upTo: 4) { $0.text() },
            maximumDuration: optional { $0.milliseconds() },
            gracePeriod: milliseconds(), pullLimit: byteCount(),
            placement: pick([
                .any, JobSpec.PlacementRequest(names: list(upTo: 3) { $0.worker() } + [worker()]),
            ]),
            container: optional { $0.container() }, mounts: list(upTo: 2) { $0.mount() },
            labels: list(upTo: 2) { DataLabel("label-\($0.below(9))")! },
            secrets: pick([[], ["HF_TOKEN"], ["A", "_b2"]]), gang: optional { $0.gang() },
            priority: pick(Priority.allCases))
    }

    private mutating func worker() -> WorkerName { WorkerName("gpu-\(below(100))")! }

    private mutating func gang() -> GangSpec {
        let nodes = 1 + below(GangLimits.nodes)
        return GangSpec(
            nodes: nodes, nodesPerWorker: 1 + below(nodes), processesPerNode: 1 + below(8),
            launch: optional { $0.pick(GangSpec.Launch.allCases) },
            outputsFrom: pick(GangSpec.OutputsFrom.allCases))
    }

    mutating func container() -> ContainerSpec {
        let images = [
            "python:3.11-slim", ".", "./docker/Containerfile", "oci:images/a", "local:train",
            "docker-archive:x.tar", "ghcr.io/a/b@sha256:ab",
        ]
        return ContainerSpec(
            image: ImageSource(pick(images))!, sharedMemory: optional { $0.byteCount() },
            tree: optional { $0.tree() })
    }

    mutating func image() -> PinnedImage {
        PinnedImage(id: digest(), manifest: optional { $0.digest() })
    }

    mutating func order() -> StartOrder {
        let nodes = 1 + below(64)
        return StartOrder(
            token: token(rank: below(nodes)), spec: spec(), tree: tree(),
            git: optional {
                GitState(
                    commit: $0.text(), branch: $0.optional { $0.text() }, dirty: $0.chance(2))
            },
            nodeCount: nodes, waitsForGo: chance(2), extraTrees: list(upTo: 2) { $0.tree() },
            image: optional { $0.image() },
            mounts: list(upTo: 2) { PlacedMount(mount: $0.mount(), source: "/mnt/\($0.below(9))") })
    }

    private mutating func mount() -> DataMount {
        DataMount(target: "data/\(below(100))", dataset: DatasetName("set-\(below(9))")!)
    }

    private mutating func fingerprint() -> DataFingerprint {
        DataFingerprint(
            digest: digest(), files: Int64(below(1 << 30)), size: byteCount(),
            isComplete: chance(2))
    }

    private mutating func dataReport() -> DataReport {
        let mount = mount()
        return DataReport(
            target: mount.target, dataset: mount.dataset, source: text(),
            method: pick(DataReport.Method.allCases), fingerprint: optional { $0.fingerprint() })
    }

    mutating func process() -> TaskProcess {
        TaskProcess(
            pid: Int32(2 + below(1 << 22)), startTicks: next(),
            killMethod: pick([.cgroup, .sweep, .namespace]),
            enforcesMemory: optional { $0.chance(2) }, enforcesCPU: optional { $0.chance(2) })
    }

    mutating func exit() -> ExitStatus {
        switch below(5) {
        case 0: .exited(code: Int32(below(256)))
        case 1: .signalled(signal: Int32(1 + below(64)))
        case 2: .execFailed(errno: Int32(1 + below(133)))
        case 3: .neverStarted
        default: .vanished
        }
    }

    mutating func result() -> TaskResult {
        TaskResult(
            verdict: pick(TaskResult.Verdict.allCases), exit: optional { $0.exit() },
            cause: optional { $0.pick(StopCause.allCases) }, message: optional { $0.text() },
            outputs: optional { random in
                OutputSummary(
                    tree: random.tree(), fileCount: Int64(random.below(1 << 40)),
                    totalSize: random.byteCount(), deletedCount: Int64(random.below(1 << 20)),
                    deleted: random.list(upTo: 5) { $0.text() },
                    warnings: random.list(upTo: 3) { $0.text() })
            }, warnings: list(upTo: 3) { $0.text() })
    }

    mutating func report() -> TaskReport {
        TaskReport(
            token: token(), phase: pick(TaskPhase.allCases), version: next(),
            activity: optional { $0.text() }, holdsContent: below(2) == 0,
            packages: optional { ["six==1.16.0", $0.text()] },
            container: optional {
                ContainerFacts(image: $0.image(), gpus: $0.pick(ContainerGPUs.allCases))
            },
            data: optional { [$0.dataReport()] },
            endpoint: optional { $0.endpoint() }, process: optional { $0.process() },
            exit: optional { $0.exit() }, startedAt: optional { $0.wallTime() },
            endedAt: optional { $0.wallTime() },
            result: optional { $0.result() })
    }

    mutating func record() -> AgentRecord {
        switch below(8) {
        case 0: .fenced(coordinator(), fence())
        case 1: .accepted(order(), at: wallTime())
        case 2: .revoked(token())
        case 3: .started(token(), process(), at: wallTime())
        case 4:
            .stopRequested(
                token(), StopOrder(cause: pick(StopCause.allCases), grace: milliseconds()))
        case 5:
            .ended(
                token(),
                TaskEnding(
                    exit: exit(), cause: optional { $0.pick(StopCause.allCases) },
                    problem: optional { $0.text() }, warnings: list(upTo: 3) { $0.text() }),
                at: wallTime())
        case 6: .finished(token(), result(), at: wallTime())
        default: .acknowledged(token())
        }
    }

    mutating func coordinatorMessage() -> CoordinatorMessage {
        switch below(10) {
        case 7: .reach(question())
        case 8: .stop(token(), StopOrder(cause: pick(StopCause.allCases), grace: milliseconds()))
        case 6: .secretsHanded(token(), failure: optional { $0.text() })
        case 0: .start(order())
        case 1: .go(token(), rendezvous())
        case 2: .cancel(token(), immediately: chance(2))
        case 3: .signal(token(), number: Int32(1 + below(64)), sequence: next())
        case 4: .acknowledge(token())
        case 5: .contentPushed(tree(), failure: optional { $0.text() })
        default: .ping(next())
        }
    }

    mutating func agentMessage() -> AgentMessage {
        switch below(7) {
        case 5: .reach(answer())
        case 4: .programs(programs())
        case 3: .needSecrets(token())
        case 0: .report(report())
        case 1: .needContent(token(), tree())
        case 2: .foreignUse(resources(), version: next())
        default: .pong(next())
        }
    }

    private mutating func addresses() -> [String] {
        (0...below(3)).map { _ in pick(["10.0.0.\(below(256))", "2001:db8::\(below(10))"]) }
    }

    private mutating func endpoint() -> GangEndpoint {
        GangEndpoint(addresses: addresses(), port: UInt16(1 + below(65_535)))
    }

    private mutating func rendezvous() -> Rendezvous {
        Rendezvous(addresses: addresses(), port: UInt16(1 + below(65_535)))
    }

    private mutating func question() -> ReachQuestion {
        ReachQuestion(
            token: token(), round: next(),
            targets: list(upTo: 3) {
                ReachQuestion.Target(token: $0.token(), endpoint: $0.endpoint())
            })
    }

    private mutating func answer() -> ReachAnswer {
        ReachAnswer(
            token: token(), round: next(),
            reached: list(upTo: 3) { $0.chance(2) ? [] : $0.addresses() },
            problem: optional { $0.text() })
    }

    mutating func programs() -> WorkerPrograms {
        WorkerPrograms(engines: pick([[], [.podman], [.docker]]), tools: optional { $0.tools() })
    }

    mutating func welcome(reports: Int) -> Welcome {
        Welcome(
            agent: AgentID(high: next(), low: next()),
            incarnation: MachineIncarnation(
                machineID: text(), hostName: text(), bootID: text(), initStartTicks: next(),
                pidNamespace: next()),
            capacity: resources(), inUse: resources(),
            platform: Platform(
                system: "linux", architecture: "x86_64", kernel: text(), hostName: text()),
            release: text(), reports: (0..<reports).map { _ in report() },
            engines: pick([[], [.podman], [.podman, .docker]]), tools: optional { $0.tools() })
    }

    mutating func tools() -> BuildTools {
        BuildTools(
            pythons: list(upTo: 3) { PythonVersion(major: 3, minor: $0.below(20)) },
            hasOtherPython: chance(2), hasUV: chance(2), hasConda: chance(2),
            reachesOut: chance(2))
    }

    mutating func error() -> ShuntError {
        ShuntError(pick(ShuntError.Code.allCases), text(), hint: optional { $0.text() })
    }

    mutating func bulkMessage() -> BulkMessage {
        switch below(25) {
        case 23: .secrets(token(), secrets())
        case 24: .secretsKept
        case 0: .failure(error())
        case 1:
            .readLog(
                ReadLog(
                    token: token(), offset: next(), maximumBytes: 1 + below(1 << 20),
                    wait: Milliseconds(Int64(below(60_001))), furtherPages: below(8)))
        case 2:
            .tailLog(
                token(), lines: UInt32(below(1 << 30)),
                streams: chance(2) ? [] : [.standardError])
        case 3: .checkEnvironment(software())
        case 4: .queryFiles(list(upTo: 40) { $0.digest() })
        case 17: .queryTrees(list(upTo: 40) { $0.tree() })
        case 5: .push
        case 6: .pull(.tree(tree()), compressed: chance(2))
        case 7: .pull(.listed(list(upTo: 40) { $0.digest() }), compressed: chance(2))
        case 8:
            .logPage(
                LogPage(
                    bytes: bytes(below(4000)), nextOffset: next(), isComplete: chance(2),
                    hasMore: chance(2)))
        case 9: .logOffset(LogOffset(offset: next(), skip: UInt32(below(1 << 20))))
        case 10:
            .environmentState(
                chance(3)
                    ? .unavailable(
                        ShuntError(.refused, text(), hint: optional { $0.text() }))
                    : chance(2) ? .cached : .toBuild)
        case 11: .bitmap(MissingBitmap(list(upTo: 100) { $0.chance(2) }))
        case 12: .offer(tree(), guess: list(upTo: 40) { $0.tree() })
        case 13: .objects(batch())
        case 14:
            .part(
                ObjectPart(
                    digest: digest(), objectSize: 5000, offset: Int64(below(4000)), size: 1000,
                    body: EncodedBody(bytes: bytes(1000))))
        case 15: .end
        case 19: .environments(chance(2) ? .list : .remove(key: text()))
        case 20:
            .environmentList(
                list(upTo: 5) {
                    EnvironmentView(
                        key: $0.text(), size: $0.byteCount(), usedAt: $0.wallTime(),
                        isInUse: $0.chance(2))
                })
        case 21: .examineData(path: "/mnt/\(below(100))")
        case 22: .dataFingerprint(fingerprint())
        case 18:
            .wanted(
                MissingBitmap(list(upTo: 100) { $0.chance(2) }),
                partials: list(upTo: 3) {
                    PartialObject(digest: $0.digest(), offset: 1 + Int64($0.below(1 << 40)))
                })
        default: .complete(unchanged: chance(2))
        }
    }

    mutating func secrets() -> [Secret] {
        (0..<below(5)).map { number in
            let size = 1 + below(2000)
            return Secret(name: "S\(number)", bytes: bytes(size).map { $0 == 0 ? 1 : $0 })
        }
    }

    private mutating func batch() -> ObjectBatch {
        let items = (0..<1 + below(20)).map { _ in
            ObjectBatch.Item(digest: digest(), size: below(200))
        }
        let size = items.reduce(0) { $0 + $1.size }
        let body =
            chance(2)
            ? EncodedBody(bytes: bytes(size))
            : EncodedBody(bytes: bytes(below(100)), compression: .zstd)
        return ObjectBatch(items: items, body: body)
    }
}
