/// What must be there before a job's command runs.
package enum SoftwareEnvironment: Hashable, Sendable {
    /// Built on the worker, once for each recipe, Python version and platform.
    case recipe(EnvironmentRecipe)
    /// What an administrator put on the worker: the path of a virtual or conda environment, the
    /// name of a conda environment, or a line that begins with `module load`.
    case existing(String)

    /// The recipe of one that is built.
    package var recipe: EnvironmentRecipe? {
        switch self {
        case .recipe(let recipe): recipe
        case .existing: nil
        }
    }
}

/// What an environment is built from: a small tree of its own in the content store, which travels
/// as any tree does. What is built has the digest of the tree's content in its name.
///
/// | path in the tree | kinds | what it is |
/// |---|---|---|
/// | `recipe.json` | all | ``manifest``: the format, the kind, the versions of Python |
/// | `requirements.txt` | requirements, locks | as `pip` reads it; in a lock every line is a pin |
/// | `sources/NAME` | locks | a directory, archive or wheel that is installed beside the pins |
/// | `pyproject.toml`, `uv.lock` | uv | as `uv sync --frozen` reads them |
/// | `environment.yml` | conda | as `conda env create` reads it |
/// | `explicit.txt` | conda-lock | as `conda create --file` reads it: an address a line |
/// | `setup.sh` | all, optional | a shell script that runs last, in the environment |
/// | `wheels/*.whl` | requirements, lock, optional | the only place that packages come from |
package struct EnvironmentRecipe: Hashable, Sendable, Codable {
    package var kind: Kind
    package var tree: TreeReference
    /// The versions that will do; without any the worker's `python3` decides.
    package var python: PythonRange?
    /// Where it came from, for people: a file, or the directory of an environment.
    package var source: String
    /// How many packages it names, where that is known.
    package var packages: Int?
    /// What its packages are for, as conda calls it: `linux-64`; `nil` where it does not matter.
    package var platform: String?
    /// Directories of the job that Python imports from, relative to the one that was submitted: it
    /// was installed there as an editable package. `nil` for none. They are no part of what is
    /// built.
    package var importPaths: [String]?

    package init(
        kind: Kind, tree: TreeReference, python: PythonRange? = nil, source: String,
        packages: Int? = nil, platform: String? = nil, importPaths: [String]? = nil
    ) {
        self.kind = kind
        self.tree = tree
        self.python = python
        self.source = source
        self.packages = packages
        self.platform = platform
        self.importPaths = importPaths
    }

    /// What the recipe consists of and what builds it.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// A person's requirements file, solved when it is built.
        case requirements
        /// What an environment elsewhere holds, pinned.
        case lock
        /// A project with a `uv.lock`.
        case uv
        /// A person's `environment.yml`, solved when it is built.
        case conda
        /// What a conda environment elsewhere holds: its packages by their addresses, and what
        /// `pip` put beside them.
        case condaLock = "conda-lock"

        /// Whether conda or one of its kin builds it. It brings its own Python.
        package var isOfConda: Bool { self == .conda || self == .condaLock }
    }
}

extension EnvironmentRecipe {
    /// The format of the tree. One of another format has another manifest, and is refused.
    package static let format = 1

    /// Names of the tree's entries.
    package enum Entry {
        package static let manifest = "recipe.json"
        package static let requirements = "requirements.txt"
        package static let sources = "sources"
        package static let project = "pyproject.toml"
        package static let projectLock = "uv.lock"
        package static let setup = "setup.sh"
        package static let wheels = "wheels"
        package static let condaFile = "environment.yml"
        package static let condaExplicit = "explicit.txt"
    }

    /// What `recipe.json` holds: always the same bytes for the same recipe, so that whoever builds
    /// compares them with what the job says instead of parsing them.
    package static func manifest(kind: Kind, python: PythonRange?) -> [UInt8] {
        let version = python.map { "\"\($0)\"" } ?? "null"
        return Array(
            "{\"format\": \(format), \"kind\": \"\(kind.rawValue)\", \"python\": \(version)}\n"
                .utf8)
    }
}

/// Whether a worker can give a job its environment.
package enum EnvironmentAvailability: Hashable, Sendable {
    case cached
    case toBuild
    /// Why not, with a remedy.
    case unavailable(ShuntError)
}

/// `{"recipe": {…}}` or `{"existing": "NAME"}`.
extension SoftwareEnvironment: Codable {
    private enum CodingKeys: String, CodingKey {
        case recipe
        case existing
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let recipe = try container.decodeIfPresent(EnvironmentRecipe.self, forKey: .recipe) {
            self = .recipe(recipe)
        } else {
            self = .existing(try container.decode(String.self, forKey: .existing))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .recipe(let recipe): try container.encode(recipe, forKey: .recipe)
        case .existing(let name): try container.encode(name, forKey: .existing)
        }
    }
}

extension JobSpec {
    /// It may go to several workers and names an environment that only those know of which have it:
    /// when the job is submitted it is held to those that say so.
    package var needsHolder: Bool {
        guard placement.isChoice, case .existing? = software else { return false }
        return true
    }
}
