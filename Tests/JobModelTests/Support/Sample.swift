@testable import JobModel

/// Values for tests to which only a few fields of them matter.
enum Sample {
    static let coordinator = CoordinatorID(high: 0, low: 1)
    static let otherCoordinator = CoordinatorID(high: 0, low: 2)

    static let rendezvous = Rendezvous(addresses: ["10.0.0.1", "10.0.0.2"], port: 29_500)

    static func digest(_ number: UInt8) -> Digest {
        Digest(bytes: [UInt8](repeating: number, count: Digest.byteCount))!
    }

    static func tree(_ number: UInt8 = 1) -> TreeReference {
        TreeReference(content: digest(number), metadata: digest(number &+ 100))
    }

    static func resources(_ milliCPUs: Int64, _ gibibytes: Int64 = 0) -> Resources {
        Resources(milliCPUs: milliCPUs, memory: .gibibytes(gibibytes))
    }

    static func spec(
        _ needs: Resources = .standard, on placement: JobSpec.PlacementRequest = .any
    ) -> JobSpec {
        JobSpec(command: .arguments(["train"]), resources: needs, placement: placement)
    }

    static func token(
        _ job: UInt64 = 1, attempt: Int = 1, of coordinator: CoordinatorID = coordinator
    ) -> StartToken {
        let attempt = AttemptID(job: JobID(random: job), number: attempt)
        return StartToken(
            coordinator: coordinator, epoch: 1, task: TaskID(attempt: attempt, rank: 0),
            nonce: job)
    }

    static func process(_ pid: Int32 = 4711) -> TaskProcess {
        TaskProcess(pid: pid, startTicks: 99, killMethod: .sweep)
    }

    static let incarnation = MachineIncarnation(
        machineID: "m", hostName: "h", bootID: "b", initStartTicks: 1, pidNamespace: 2)
    static let platform = Platform(
        system: "linux", architecture: "x86_64", kernel: "6.1", hostName: "h")

    static func welcome(
        _ capacity: Resources, inUse: Resources = .none, reports: [TaskReport] = []
    ) -> Welcome {
        Welcome(
            agent: AgentID(high: 0, low: 3), incarnation: incarnation, capacity: capacity,
            inUse: inUse, platform: platform, release: "1", reports: reports)
    }

    static func name(_ text: String) -> WorkerName { WorkerName(text)! }

    static func inputs(_ tree: TreeReference = tree()) -> JobInputs {
        JobInputs(
            tree: tree, fileCount: 1, totalSize: ByteCount(10), sourceDirectory: "/home/a")
    }

    static func outputs(_ size: ByteCount) -> OutputSummary {
        OutputSummary(tree: tree(9), fileCount: 1, totalSize: size)
    }

    /// A moment at which both clocks have run for that long since the test began.
    static func moment(_ milliseconds: Int64) -> Moment {
        Moment(
            wall: WallTime(milliseconds: 1_800_000_000_000 + milliseconds),
            steady: SteadyTime(milliseconds: 1000 + milliseconds))
    }
}
