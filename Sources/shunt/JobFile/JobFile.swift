internal import JobModel

/// What a job file says, each value valid by itself; what it leaves out is `nil` or empty. Flags
/// are laid over it by ``JobSpecBuilder``.
struct JobFile: Hashable {
    var name: JobName?
    var command: JobSpec.Command?
    /// Relative to the directory of the file; empty is that directory.
    var workingDirectory: String?
    var environment: [JobSpec.EnvironmentVariable] = []
    /// By name alone, or from a file below the directory of the job file, or anywhere.
    var secrets: [SecretWish] = []
    var milliCPUs: Int64?
    var memory: ByteCount?
    /// The section `environment`.
    var software = EnvironmentWish.unsaid
    /// Packages are fetched here.
    var isOffline: Bool?
    var image: ImageSource?
    /// Size of `/dev/shm` in the container.
    var sharedMemory: ByteCount?
    var outputs: [String] = []
    var mounts: [DataMount] = []
    /// What the files of the directory are.
    var labels: [DataLabel] = []
    var maximumDuration: Milliseconds?
    var placement: JobSpec.PlacementRequest?
    var pullLimit: ByteCount?
    var gang = GangWish()
    var priority: Priority?
    /// IDs or names of jobs that it comes after.
    var after: [String] = []
}

/// Bounds of a job file.
enum JobFileLimits {
    static let bytes = 1 << 20
    /// Anchors and aliases multiply: with this few of them, what they stand for stays small.
    static let anchors = 4
    static let aliases = 64
    static let outputs = 1000
    static let variables = 10_000
    static let arguments = 100_000
}
