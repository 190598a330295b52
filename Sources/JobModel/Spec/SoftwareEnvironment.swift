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
/// | `recipe.json` | all | ``manifest``: the format, the kind, the Python version |
/// | `requirements.txt` | requirements, locks | as `pip` reads it; in a lock every line is a pin |
/// | `sources/NAME` | locks | a directory or an archive that is installed beside the pins |
/// | `pyproject.toml`, `uv.lock` | uv | as `uv sync --frozen` reads them |
/// | `environment.yml` | conda | as `conda env create` reads it |
/// | `explicit.txt` | conda-lock | as `conda create --file` reads it: an address a line |
/// | `setup.sh` | all, optional | a shell script that runs last, in the environment |
/// | `wheels/*.whl` | requirements, lock, optional | the only place that packages come from |
package struct EnvironmentRecipe: Hashable, Sendable, Codable {
    package var kind: Kind
    package var tree: TreeReference
    /// The version that is wanted; without one the worker's `python3` decides.
    package var python: PythonVersion?
    /// Where it came from, for people: a file, or the directory of an environment.
    package var source: String
    /// How many packages it names, where that is known.
    package var packages: Int?
    /// What its packages are for, as conda calls it: `linux-64`; `nil` where it does not matter.
    package var platform: String?

    package init(
        kind: Kind, tree: TreeReference, python: PythonVersion? = nil, source: String,
        packages: Int? = nil, platform: String? = nil
    ) {
        self.kind = kind
        self.tree = tree
        self.python = python
        self.source = source
        self.packages = packages
        self.platform = platform
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
    package static func manifest(kind: Kind, python: PythonVersion?) -> [UInt8] {
        let version = python.map { "\"\($0)\"" } ?? "null"
        return Array(
            "{\"format\": \(format), \"kind\": \"\(kind.rawValue)\", \"python\": \(version)}\n"
                .utf8)
    }
}

/// A minor version of Python, as in `3.11`: compiled packages fit one and no other.
package struct PythonVersion: Hashable, Sendable, Codable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// - Parameter text: `3.11`, or with more numbers behind it, which do not count.
    /// - Returns: `nil` for anything else.
    package init?(_ text: String) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count >= 2, let major = Self.number(numbers[0]),
            let minor = Self.number(numbers[1])
        else { return nil }
        self.init(major: major, minor: minor)
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return Int(text)
    }

    package var description: String { "\(major).\(minor)" }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let version = PythonVersion(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` is no version of Python")
        }
        self = version
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
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
