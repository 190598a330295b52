/// What a worker's account can build environments with, as far as the names of programs tell
/// without any of them being asked. What is not here is certainly not there.
package struct BuildTools: Hashable, Sendable, Codable {
    /// By programs called `python3.11`, in rising order.
    package var pythons: [PythonVersion]
    /// There is a `python3` of which no name tells the version.
    package var hasOtherPython: Bool
    package var hasUV: Bool
    /// micromamba, mamba or conda.
    package var hasConda: Bool
    /// Whether there is a way out to an index of packages: a route to other networks, a proxy, or
    /// an index that somebody has configured.
    package var reachesOut: Bool

    package init(
        pythons: [PythonVersion] = [], hasOtherPython: Bool = false, hasUV: Bool = false,
        hasConda: Bool = false, reachesOut: Bool = true
    ) {
        self.pythons = pythons
        self.hasOtherPython = hasOtherPython
        self.hasUV = hasUV
        self.hasConda = hasConda
        self.reachesOut = reachesOut
    }

    enum CodingKeys: String, CodingKey {
        case pythons
        case hasOtherPython = "has_other_python"
        case hasUV = "has_uv"
        case hasConda = "has_conda"
        case reachesOut = "reaches_out"
    }
}

extension BuildTools {
    /// What an environment needs and the worker lacks, in words: `Python 3.12`; `nil` where it may
    /// have all of it.
    package func lack(for recipe: EnvironmentRecipe) -> String? {
        if recipe.kind.isOfConda { return hasConda ? nil : "micromamba, mamba or conda" }
        if recipe.kind == .uv, !hasUV { return "`uv`" }
        // `uv` may fetch a Python, and what has no name of its own may be any.
        guard let wanted = recipe.python, !hasUV, !hasOtherPython,
            !pythons.contains(where: wanted.contains)
        else { return nil }
        return "Python \(wanted)"
    }

    /// Of the Pythons, for people: `Python 3.9 and 3.11`.
    package var pythonText: String {
        var names = pythons.map(\.description)
        if hasOtherPython { names.append("another one") }
        guard let last = names.popLast() else { return "no Python" }
        return "Python " + (names.isEmpty ? last : names.joined(separator: ", ") + " and " + last)
    }
}
