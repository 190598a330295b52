internal import JobModel

/// How the packages of a job's environment reach its worker.
struct PackageSupply: Hashable, Sendable {
    /// Of the worker for which wheels are fetched here; `nil` where it fetches them itself.
    var architecture: String?
    /// What to fetch for where nothing else says it: the worker's own `python3`.
    var python: PythonVersion?
    /// What else it has.
    var pythons: [PythonVersion] = []
    /// `offline: true`, rather than the worker's want of a way out.
    var isAskedFor = false
    /// Whether `uv` there can read a `uv.lock`.
    var readsProjectLocks = true

    /// What to fetch for: the worker's own if it will do, else the newest of those that will.
    func python(within range: PythonRange?) -> PythonVersion? {
        guard let range else { return python }
        return ([python].compactMap(\.self) + pythons.sorted(by: >)).first(where: range.contains)
    }

    /// What the plan says of it.
    func remark(_ worker: WorkerName?) -> String? {
        guard architecture != nil else { return nil }
        let name = worker.map { "`\($0)`" } ?? "the worker"
        return isAskedFor
            ? "fetched here as wheels for \(name)"
            : "fetched here as wheels, since \(name) has no route to a package index"
    }
}
