internal import JobModel

/// The flags of `run` and `submit` that describe the job, as they were written.
struct JobFlags: Hashable {
    /// `run` or `submit`, for hints.
    var subcommand = "run"
    var on: String?
    var name: String?
    var cpus: String?
    var memory: String?
    var image: String?
    var sharedMemory: String?
    var variables: [String] = []
    var secrets: [String] = []
    var outputs: [String] = []
    var mounts: [String] = []
    var gang = GangFlags()
    var priority: String?
    var after: [String] = []
    /// `--no-capture`.
    var leavesEnvironment = false
    /// COMMAND; `nil` where none was given.
    var command: [String]?

    /// The value of a flag by its rule.
    func value<Value>(
        _ flag: String, _ text: String?, _ rule: (String) throws(FieldError) -> Value
    ) throws(ShuntError) -> Value? {
        guard let text else { return nil }
        do throws(FieldError) {
            return try rule(text)
        } catch {
            throw error.asFlag(flag, of: subcommand)
        }
    }
}

/// A job's spec but for what only its snapshot can say: what its environment is built from.
struct JobDraft: Hashable {
    var spec: JobSpec
    var environment: EnvironmentWish
    /// Where the values of the spec's secrets come from, in its order.
    var secrets: [SecretWish]
    /// Whether its packages are fetched here; `nil` for as the worker needs it.
    var isOffline: Bool?
    /// Jobs that it comes after, as they were written.
    var after: [String]
    /// Whether flags or file say where the job goes; else the configuration does.
    var hasPlacement: Bool

    /// Lays the flags over the file: a flag wins over the key of the same meaning, a variable over
    /// that of the same name.
    init(flags: JobFlags, file: JobFile?) throws(ShuntError) {
        let file = file ?? JobFile()
        guard let command = flags.command.map(JobSpec.Command.arguments) ?? file.command else {
            throw ShuntError(
                .usage, "there is nothing to run: neither a COMMAND nor `run` in a job file",
                hint: "shunt \(flags.subcommand) -- python train.py")
        }
        var spec = JobSpec(command: command)
        spec.name = try flags.value("--name", flags.name, FieldRules.jobName) ?? file.name
        spec.workingDirectory = file.workingDirectory ?? ""
        spec.environment = file.environment
        for text in flags.variables {
            if let variable = try flags.value("-e", text, FieldRules.variable) {
                spec.environment.append(variable)
            }
        }
        // Who asks for nothing is counted as one CPU, and not held to it.
        spec.cpuLimit =
            try flags.value("--cpus", flags.cpus, FieldRules.milliCPUs) ?? file.milliCPUs
        spec.resources.milliCPUs = spec.cpuLimit ?? spec.resources.milliCPUs
        spec.resources.memory =
            try flags.value("--memory", flags.memory, FieldRules.memory) ?? file.memory
            ?? spec.resources.memory
        var outputs: [String] = []
        for text in flags.outputs {
            if let pattern = try flags.value("--output", text, OutputPattern.parse) {
                outputs.append(pattern)
            }
        }
        spec.outputs = outputs.isEmpty ? file.outputs : outputs
        spec.maximumDuration = file.maximumDuration
        spec.pullLimit = file.pullLimit ?? spec.pullLimit
        let placement =
            try flags.value("--on", flags.on, FieldRules.placement) ?? file.placement
        spec.placement = placement ?? spec.placement
        spec.container = try Self.container(flags, file)
        spec.labels = file.labels
        spec.priority =
            try flags.value("--priority", flags.priority, FieldRules.priority) ?? file.priority
            ?? spec.priority
        spec.gang = try GangWish(flags.gang, of: flags).over(file.gang).spec(for: flags, command)
        var mounts: [DataMount] = []
        for text in flags.mounts {
            if let mount = try flags.value("--mount", text, DataFields.mount) {
                mounts.append(mount)
            }
        }
        // A flag wins over what the file has at the same place, and not over another flag.
        let places = Set(mounts.map(\.target))
        mounts += file.mounts.filter { !places.contains($0.target) }
        spec.mounts = mounts.sorted { $0.target < $1.target }
        hasPlacement = placement != nil
        after = flags.after.isEmpty ? file.after : flags.after
        secrets = try SecretWish.merged(flags, file)
        spec.secrets = secrets.map(\.name)
        try SecretWish.refuseVariables(spec, flags.subcommand)
        self.spec = spec
        environment = file.software
        isOffline = file.isOffline
        if flags.leavesEnvironment && [.unsaid, .active].contains(environment)
            || environment == .unsaid && spec.container != nil
        {
            environment = .none
        }
        try checkContainer(flags.subcommand)
        try checkSize(flags.subcommand)
    }

    private static func container(
        _ flags: JobFlags, _ file: JobFile
    ) throws(ShuntError) -> ContainerSpec? {
        let sharedMemory =
            try flags.value("--shm-size", flags.sharedMemory, FieldRules.memory)
            ?? file.sharedMemory
        guard let image = try flags.value("--image", flags.image, FieldRules.image) ?? file.image
        else {
            guard sharedMemory == nil else {
                throw ShuntError(
                    .usage, "the size of shared memory is set for containers only",
                    hint: "shunt \(flags.subcommand) --image python:3.11-slim -- true")
            }
            return nil
        }
        return ContainerSpec(image: image, sharedMemory: sharedMemory)
    }

    private func checkContainer(_ subcommand: String) throws(ShuntError) {
        guard spec.container != nil, environment != .none else { return }
        throw ShuntError(
            .usage,
            "a job in a container has the packages of its image: `environment` does not go "
                + "together with `image`, and a Containerfile may install them",
            hint: "shunt \(subcommand) --image ./Containerfile -- true")
    }

    /// What `execve` would refuse on the worker is refused here.
    private func checkSize(_ subcommand: String) throws(ShuntError) {
        let words = spec.command.argumentVector.reduce(0) { $0 + $1.utf8.count + 1 }
        let variables = spec.environment.reduce(0) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 2
        }
        guard words + variables <= JobLimits.commandBytes else {
            throw ShuntError(
                .usage,
                "the command line and its variables have \(ByteCount(Int64(words + variables))), "
                    + "and \(ByteCount(Int64(JobLimits.commandBytes))) is the most; "
                    + "a file in the directory may hold what is long",
                hint: "shunt \(subcommand) -- sh job.sh")
        }
    }
}
