/// Data that lies on workers, and what its labels forbid.
extension CoordinatorCore {
    /// What a job's data is, with what is said by now of the datasets that it mounts: a label that
    /// one worker gives a dataset counts for it on every other.
    func labels(of job: JobRecord) -> [DataLabel] {
        constraints(of: job).labels.keys.sorted()
    }

    func constraints(of job: JobRecord) -> Scheduler.DataConstraints {
        var constraints = constraints(job.spec, files: job.inputs.labelledFiles)
        // Once said, a label stays, whatever is said of a dataset later.
        for label in job.labels where constraints.labels[label] == nil {
            constraints.labels[label] = .job
        }
        return constraints
    }

    func constraints(_ spec: JobSpec, files: [LabelledFile]) -> Scheduler.DataConstraints {
        var origins: [DataLabel: DataRules.Origin] = [:]
        for mount in spec.mounts {
            for worker in workers {
                for label in worker.record.dataset(mount.dataset)?.labels ?? [] {
                    origins[label] = .dataset(mount.dataset)
                }
            }
        }
        for file in files { origins[file.label] = .file(file.path) }
        for label in spec.labels { origins[label] = .job }
        return Scheduler.DataConstraints(labels: origins, rules: rules)
    }

    /// Of any worker, this machine among them.
    mutating func changeDatasets(
        _ change: DatasetChange, on name: WorkerName, _ reply: RequestID, _ turn: inout Turn
    ) {
        guard let index = workerIndex(name) else {
            turn.act(.reply(reply, .failed(unknownWorker(name))))
            return
        }
        let record = workers[index].record
        if let missing = change.remove.first(where: { record.dataset($0) == nil }) {
            let error = ShuntError(
                .notFound, "`\(name)` has no dataset `\(missing)`",
                hint: "shunt worker data \(name)")
            turn.act(.reply(reply, .failed(error)))
            return
        }
        let gone = Set(change.remove + change.put.map(\.name))
        let datasets = record.datasets.filter { !gone.contains($0.name) } + change.put
        guard datasets.count <= DataLimits.datasets else {
            let error = ShuntError(
                .refused,
                "`\(name)` would have \(datasets.count) datasets, and \(DataLimits.datasets) is "
                    + "the most",
                hint: "shunt worker data \(name)")
            turn.act(.reply(reply, .failed(error)))
            return
        }
        workers[index].record.datasets = datasets.sorted { $0.name < $1.name }
        turn.act(.commitWorker(workers[index].record))
        turn.act(.reply(reply, .done))
        showQueued(&turn)
    }

    mutating func adopt(_ new: DataRules, _ turn: inout Turn) {
        guard new != rules else { return }
        rules = new
        showQueued(&turn)
    }
}
