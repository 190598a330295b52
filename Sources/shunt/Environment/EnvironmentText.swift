internal import JobModel

/// A job's environment, in words.
enum EnvironmentText {
    /// `/home/me/.venv, 12 packages, Python 3.11`.
    static func describe(_ software: SoftwareEnvironment) -> String {
        switch software {
        case .existing(let name): return Quoting.visible(name)
        case .recipe(let recipe):
            var parts = [Quoting.visible(recipe.source)]
            if let count = recipe.packages { parts.append(packages(count)) }
            if let python = recipe.python { parts.append("Python \(python)") }
            return parts.joined(separator: ", ")
        }
    }

    /// `environment (12 packages, Python 3.11)`, for the line that sums a plan up.
    static func contents(_ software: SoftwareEnvironment) -> String {
        guard let recipe = software.recipe, let count = recipe.packages,
            let python = recipe.python
        else { return "environment" }
        return "environment (\(packages(count)), Python \(python))"
    }

    private static func packages(_ count: Int) -> String {
        count == 1 ? "1 package" : "\(count) packages"
    }
}
