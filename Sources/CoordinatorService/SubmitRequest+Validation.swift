internal import ContentStore
internal import JobModel
internal import Wire

extension SubmitRequest {
    /// Checks what the decoder cannot: lengths, ranges, and names that a process could not get.
    ///
    /// - Throws: ``ShuntError`` with `usage`.
    func validate() throws(ShuntError) {
        guard (1...JobLimits.clientKeyLength).contains(clientKey.utf8.count) else {
            throw ShuntError(
                .usage, "a client key has 1 … \(JobLimits.clientKeyLength) bytes",
                hint: "shunt run --help")
        }
        let arguments = spec.command.argumentVector
        guard let program = arguments.first, !program.isEmpty else {
            throw ShuntError(
                .usage, "there is no command to run", hint: "shunt run -- python train.py")
        }
        let size =
            arguments.reduce(0) { $0 + $1.utf8.count + 1 }
            + spec.environment.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 }
        guard size <= JobLimits.commandBytes else {
            throw ShuntError(
                .usage,
                "the command and its environment have \(ByteCount(Int64(size))), and "
                    + "\(ByteCount(Int64(JobLimits.commandBytes))) is the limit",
                hint: "shunt run -- sh job.sh")
        }
        for text in arguments + spec.environment.flatMap({ [$0.name, $0.value] })
        where text.utf8.contains(0) {
            throw ShuntError(
                .usage, "a command or its environment cannot hold a NUL byte",
                hint: "shunt run --help")
        }
        for variable in spec.environment
        where variable.name.isEmpty || variable.name.utf8.contains(UInt8(ascii: "=")) {
            throw ShuntError(
                .usage, "`\(variable.name)` is no name of an environment variable",
                hint: "shunt run -e NAME=VALUE -- true")
        }
        guard spec.resources.milliCPUs >= 1, spec.resources.fits(in: .maximum) else {
            throw ShuntError(
                .usage, "a job asks for 0.001 … 1024 CPUs and at most 64 TiB of memory",
                hint: "shunt run --cpus 2 --memory 8GiB -- true")
        }
        if let container = spec.container { try validate(container) }
        try validateMounts()
        let components = spec.workingDirectory.split(separator: "/")
        guard !spec.workingDirectory.hasPrefix("/"), !components.contains("..") else {
            throw ShuntError(
                .usage, "`workdir` is a path within the submitted directory",
                hint: "shunt run --help")
        }
        do {
            _ = try PathPatterns(spec.outputs)
        } catch let error as ShuntError {
            throw error
        } catch {
            throw ShuntError(.usage, "\(error)", hint: "shunt run --help")
        }
        try validateMessage()
    }

    /// What only a submission has; a plan knows no more than names.
    ///
    /// - Throws: ``ShuntError`` with `usage`, without any value.
    func validateSecrets() throws(ShuntError) {
        let secrets = secrets ?? []
        guard secrets.map(\.name) == spec.secrets else {
            throw ShuntError(
                .usage, "the job's secrets and their names do not go together",
                hint: "shunt run --help")
        }
        if let problem = Secret.problem(of: secrets) {
            throw ShuntError(.usage, problem, hint: "shunt run --help")
        }
        if let both = spec.environment.first(where: { spec.secrets.contains($0.name) }) {
            throw ShuntError(
                .usage, "`\(both.name)` is a variable and a secret", hint: "shunt run --help")
        }
    }

    private func validateMounts() throws(ShuntError) {
        let mounts = spec.mounts
        guard mounts.count <= DataLimits.mounts, spec.labels.count <= DataLimits.labels else {
            throw ShuntError(
                .usage,
                "a job has at most \(DataLimits.mounts) mounts and \(DataLimits.labels) labels",
                hint: "shunt run --help")
        }
        for (index, mount) in mounts.enumerated() {
            guard DataMount.isTarget(mount.target) else {
                throw ShuntError(
                    .usage, "`\(mount.target)` is no path within the submitted directory",
                    hint: "shunt run --mount data=imagenet -- true")
            }
            if let other = mounts[..<index].first(where: mount.overlaps) {
                throw ShuntError(
                    .usage,
                    "the mounts at `\(other.target)` and `\(mount.target)` are in each other's way",
                    hint: "shunt run --mount data=imagenet -- true")
            }
        }
    }

    private func validate(_ container: ContainerSpec) throws(ShuntError) {
        guard spec.software == nil else {
            throw ShuntError(
                .usage,
                "a job in a container has the packages of its image: `environment` does "
                    + "not go together with `image`",
                hint: "shunt run --image ./Containerfile -- true")
        }
    }

    /// What the protocol does not carry is refused here: the agent would end the session over it,
    /// and the next one, for as long as the job was sent.
    private func validateMessage() throws(ShuntError) {
        let order = StartOrder(token: .longest, spec: spec, tree: inputs.tree, git: inputs.git)
        let bytes = RecordCoding.encode(order)
        do {
            _ = try RecordCoding.decode(StartOrder.self, from: bytes)
        } catch {
            throw ShuntError(
                .usage, "the job has a value that cannot be sent: \(error)",
                hint: "shunt run --help")
        }
        // The rest of the message is for what is around the order.
        guard bytes.count <= WireLimits.message / 2 else {
            throw ShuntError(
                .usage,
                "the job is described by \(ByteCount(Int64(bytes.count))), and "
                    + "\(ByteCount(Int64(WireLimits.message / 2))) is the limit",
                hint: "shunt run -- sh job.sh")
        }
    }
}

extension StartToken {
    /// Stands for any, since none is longer.
    fileprivate static let longest = StartToken(
        coordinator: CoordinatorID(high: .max, low: .max), epoch: .max,
        task: TaskID(attempt: AttemptID(job: JobID(random: .max), number: 1_000_000), rank: 0),
        nonce: .max)
}
