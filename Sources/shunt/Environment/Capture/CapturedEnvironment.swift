internal import ContentStore
internal import FoundationEssentials
internal import Glibc
internal import JobModel

/// What a Python environment of this machine holds, as it says of itself.
struct CapturedEnvironment: Hashable, Decodable {
    var python: String
    var implementation: String
    var distributions: [Distribution]
    /// Of `pip`'s configuration; asked for only where a version needs one.
    var indexes: [String]
    /// What conda has put there; none in a virtual environment.
    var conda: [CondaPackage]?

    /// A package of conda's, as its record in `conda-meta` tells.
    struct CondaPackage: Hashable, Decodable {
        var name: String
        /// Where it came from.
        var url: String?
        var md5: String?
        /// What it is for: `linux-64`, `noarch`.
        var subdir: String?
    }

    /// One that is installed.
    struct Distribution: Hashable, Decodable {
        var name: String?
        var version: String?
        /// Where its files lie.
        var `where`: String
        /// What it was installed from, if not from an index.
        var direct: DirectURL?
        /// The project that it runs from.
        var source: String?
        /// It belongs to the system's Python, which lends it.
        var system: Bool?
        var live: LiveInstall?
    }

    /// An editable install whose code is the job's own directory.
    struct LiveInstall: Hashable, Decodable {
        /// Where its code is imported from, relative to the job's directory.
        var paths: [String]
        /// Of the wheel.
        var name: String
        /// A wheel that holds what it says of itself, its programs among it, and no code.
        var wheel: Data
    }

    /// `direct_url.json` (PEP 610).
    struct DirectURL: Hashable, Decodable {
        var url: String
        var subdirectory: String?
        var directory: Directory?
        var vcs: VCS?
        var archive: Archive?

        struct Directory: Hashable, Decodable {
            var editable: Bool?
        }

        struct VCS: Hashable, Decodable {
            var vcs: String
            var commit: String?

            enum CodingKeys: String, CodingKey {
                case vcs
                case commit = "commit_id"
            }
        }

        struct Archive: Hashable, Decodable {
            var hash: String?
        }

        enum CodingKeys: String, CodingKey {
            case url
            case subdirectory
            case directory = "dir_info"
            case vcs = "vcs_info"
            case archive = "archive_info"
        }
    }

    static func isOfConda(_ root: String) -> Bool { access(root + "/conda-meta", F_OK) == 0 }

    /// Asks an environment; blocks.
    ///
    /// - Parameters:
    ///   - root: of the environment.
    ///   - directory: the job's.
    static func read(_ root: String, for directory: RawPath) throws -> CapturedEnvironment {
        var python = root + "/bin/python"
        // One of conda's need not have a Python; then another one reads its records.
        if isOfConda(root), access(python, X_OK) != 0 { python = "python3" }
        guard !python.contains("/") || access(python, X_OK) == 0 else {
            throw ShuntError(
                .failed,
                "the active environment `\(root)` has no Python that can be run, so it cannot be "
                    + "captured",
                hint: "shunt run --no-capture -- true")
        }
        // Isolated: neither `PYTHONPATH` nor the user's own packages are part of it.
        let answer = try ToolProcess(
            arguments: [
                python, "-I", "-c", CaptureScript.text, root, directory.description,
            ]
        ).run()
        let captured =
            answer.code == 0
            // What is no answer is shown below, with what else was said.
            ? try? JSONDecoder().decode(Self.self, from: Data(answer.output)) : nil
        guard let captured else {
            let why = answer.errors.split(separator: "\n").last.map(String.init) ?? "no answer"
            throw ShuntError(
                .failed,
                "the active environment `\(root)` does not tell what is installed in it: "
                    + Quoting.visible(why),
                hint: "shunt run --no-capture -- true")
        }
        guard captured.implementation == "cpython", PythonVersion(captured.python) != nil else {
            throw ShuntError(
                .refused,
                "the active environment `\(root)` is of \(captured.implementation) "
                    + "\(captured.python), which is not rebuilt elsewhere",
                hint: "shunt run --no-capture -- true")
        }
        return captured
    }
}

/// The environment in which `shunt` was started.
enum ActiveEnvironment {
    /// - Returns: `nil` without one, and in conda's own, which is active in every shell of those
    ///   who have conda.
    static var root: String? {
        if let path = getenv("VIRTUAL_ENV").map({ String(cString: $0) }), !path.isEmpty {
            return path
        }
        guard let path = getenv("CONDA_PREFIX").map({ String(cString: $0) }), !path.isEmpty,
            getenv("CONDA_DEFAULT_ENV").map({ String(cString: $0) }) != "base"
        else { return nil }
        return path
    }
}
