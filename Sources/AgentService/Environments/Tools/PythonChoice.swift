internal import CLinux
internal import Glibc
internal import JobModel

/// The Python that an environment is built with.
enum PythonChoice: Hashable, Sendable {
    case interpreter(PythonInterpreter)
    /// One that `uv` has or fetches: nothing else here is of that version.
    case fromUV(PythonVersion)
    /// The environment's own, if it has one: it is one of conda's packages.
    case ofConda(CondaTool)

    /// What stands for it in the name of an environment.
    var name: String {
        switch self {
        case .interpreter(let interpreter): "py\(interpreter.version)"
        case .fromUV(let version): "py\(version)-uv"
        case .ofConda: "conda"
        }
    }
}

/// What an environment that is to be built will be called, and what with.
struct EnvironmentTarget: Hashable, Sendable {
    var key: String
    var python: PythonChoice
}

/// The interpreters of a worker. Blocks; each is asked for its version once for as long as its file
/// is the same. One that only starts another (a shim of pyenv) can start any at any time, and is
/// asked each time.
struct PythonSearch {
    /// For the answers, see ``PythonInterpreter``.
    let directory: String
    /// By the path under which they were found.
    var known: [String: PythonInterpreter] = [:]
    private var questions = 0

    init(directory: String) { self.directory = directory }

    /// - Parameter wanted: the versions that will do; `nil` for whatever `python3` is.
    /// - Throws: ``ShuntError`` where the worker has none.
    mutating func find(_ wanted: PythonRange?) throws -> PythonChoice {
        guard let wanted else {
            guard let path = ExecutableSearch.find("python3") else {
                throw ShuntError(
                    .notFound, "there is no `python3` on this worker",
                    hint: "apt-get install python3 python3-venv")
            }
            return .interpreter(try interpreter(at: path))
        }
        var others: [String] = []
        let candidates = Self.names(wanted).flatMap {
            ExecutableSearch.interpreters(called: $0)
        }
        for path in candidates {
            // One that does not even tell its version is none to build with.
            guard let found = try? interpreter(at: path) else { continue }
            // Compiled packages are for CPython, and for one that has its global lock.
            guard found.implementation == "cpython" else { continue }
            if PythonVersion(found.version).map(wanted.contains) == true {
                return .interpreter(found)
            }
            if !others.contains(found.version) { others.append(found.version) }
        }
        if ExecutableSearch.find("uv") != nil { return .fromUV(wanted.lowest) }
        let present = others.isEmpty ? "none at all" : others.joined(separator: ", ")
        throw ShuntError(
            .notFound,
            "Python \(wanted) is wanted, this worker has \(present), and there is no `uv` that "
                + "could fetch it",
            hint: "pip install uv")
    }

    /// What programs of these versions may be called: the one that is wanted comes first; of
    /// several the one that is at hand, then the newest.
    private static func names(_ wanted: PythonRange) -> [String] {
        if let version = wanted.only { return ["python\(version)", "python3", "python"] }
        let lowest = wanted.lowest
        let last = wanted.end.map { $0.major == lowest.major ? $0.minor - 1 : 99 } ?? 99
        return ["python3", "python"]
            + (lowest.minor...max(last, lowest.minor)).reversed().map {
                "python\(lowest.major).\($0)"
            }
    }

    private mutating func interpreter(at path: String) throws -> PythonInterpreter {
        let identity = PythonInterpreter.identity(of: path)
        if let interpreter = known[path], interpreter.identity == identity { return interpreter }
        questions += 1
        let output = directory + "/python-version.\(getpid()).\(questions)"
        let found = try PythonInterpreter(asking: path, output: output)
        known[path] = found.identity == identity ? found : nil
        return found
    }
}
