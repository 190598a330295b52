import JobModel

/// Values that tests share.
enum Samples {
    static let digest = Digest(bytes: [UInt8](repeating: 0xab, count: 32))!
    static let tree = TreeReference(content: digest, metadata: digest)

    static func inputs(directory: String = "/home/ada/digits") -> JobInputs {
        JobInputs(
            tree: tree, fileCount: 1234, totalSize: .mebibytes(3), sourceDirectory: directory,
            git: GitState(commit: String(repeating: "c", count: 40), branch: "main", dirty: true))
    }

    static func job(
        _ state: JobState, phase: TaskPhase? = nil, change: (inout JobView) -> Void = { _ in }
    ) -> JobView {
        var view = JobView(
            id: JobID("7f3k2a")!, name: nil, state: state, version: 3, phase: phase,
            submittedAt: WallTime(milliseconds: 1_000_000),
            spec: JobSpec(command: .arguments(["python", "train.py"])), inputs: inputs())
        change(&view)
        return view
    }
}
