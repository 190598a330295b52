internal import ArgumentParser
internal import JobModel

/// The flags that `run` and `submit` share.
struct SubmissionOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            "Read the job from this file. Without COMMAND, `job.yaml` here is the default.",
            valueName: "job.yaml"))
    var file: String?

    @Option(help: ArgumentHelp("Where to run: a worker, or `any`.", valueName: "worker"))
    var on: String?

    @Option(help: ArgumentHelp("A name for the job.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("CPUs that the job gets (0.001 … 1024).", valueName: "number"))
    var cpus: String?

    @Option(help: ArgumentHelp("Memory that the job gets, as 8GiB.", valueName: "amount"))
    var memory: String?

    @Option(
        help: ArgumentHelp(
            "Run in a container of this image: NAME, ./Containerfile, oci:DIR, "
                + "docker-archive:FILE or local:NAME.",
            valueName: "image"))
    var image: String?

    @Option(help: ArgumentHelp("Size of /dev/shm in the container.", valueName: "amount"))
    var shmSize: String?

    @Option(
        name: [.customShort("e"), .customLong("env")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Set a variable of the job's environment.", valueName: "name=value"))
    var variables: [String] = []

    @Option(
        name: .customLong("secret"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Give the job the value of a variable here, or the bytes of a file, as a variable and "
                + "as a file in `$SHUNT_SECRETS`; kept in memory alone. Byte for byte, a newline "
                + "at the end too.",
            valueName: "name[=file]"))
    var secrets: [String] = []

    @Option(
        name: .customLong("output"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A path or glob that is an output; without any, every new or changed file is.",
            valueName: "path"))
    var outputs: [String] = []

    @Option(
        name: .customLong("mount"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Have data that lies on the worker under this path, read-only.",
            valueName: "path=dataset"))
    var mounts: [String] = []

    @Option(help: ArgumentHelp("Workers that run it together.", valueName: "number"))
    var nodes: String?

    @Option(help: ArgumentHelp("How many of the nodes one worker may be.", valueName: "number"))
    var nodesPerWorker: String?

    @Option(
        name: [.customLong("processes-per-node"), .customLong("nproc-per-node")],
        help: ArgumentHelp("Processes of each node.", valueName: "number"))
    var processesPerNode: String?

    @Option(
        help: ArgumentHelp(
            "Who starts the processes of a node: torchrun, or Shunt itself (per-process).",
            valueName: "launcher"))
    var launch: String?

    @Option(
        help: ArgumentHelp(
            "Whose files are the outputs: rank-0, or all (others under rank-N/).",
            valueName: "ranks"))
    var outputsFrom: String?

    @Option(
        help: ArgumentHelp(
            "low, normal or high: which of the jobs that wait comes first.",
            valueName: "priority"))
    var priority: String?

    @Option(
        name: .customLong("after"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Start only when this job has succeeded: an ID, a prefix of one, or a name.",
            valueName: "job"))
    var after: [String] = []

    @Flag(help: "Do not rebuild the active Python environment on the worker.")
    var noCapture = false

    @Flag(name: [.short, .long], help: "Say nothing of Shunt's own progress.")
    var quiet = false

    @Flag(name: [.short, .long], help: "Send more than 1 GiB without asking.")
    var yes = false

    @Flag(help: "Print what would be done, and do nothing.")
    var dryRun = false

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("The command to run, with its arguments.", valueName: "command"))
    var command: [String] = []

    func flags(of subcommand: String, command: [String]?) -> JobFlags {
        JobFlags(
            subcommand: subcommand, on: on, name: name, cpus: cpus, memory: memory,
            image: image, sharedMemory: shmSize, variables: variables, secrets: secrets,
            outputs: outputs, mounts: mounts,
            gang: GangFlags(
                nodes: nodes, nodesPerWorker: nodesPerWorker, processesPerNode: processesPerNode,
                launch: launch, outputsFrom: outputsFrom),
            priority: priority, after: after, leavesEnvironment: noCapture, command: command)
    }
}
