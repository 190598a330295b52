internal import ContentStore
internal import JobModel

/// Environments that conda, mamba or micromamba builds on the worker.
extension EnvironmentTaker {
    func conda(_ path: String, _ wish: BuiltEnvironment) throws -> EnvironmentRecipe {
        let bytes = try file(path, called: "the environment file")
        try CondaFile.check(bytes, name: path)
        var recipe = RecipeTree()
        recipe.add(Entry.condaFile, bytes)
        addSetup(wish, to: &recipe)
        return try finish(recipe, .conda, python: nil, source: path, packages: nil)
    }

    /// - Parameter lock: what `pip` put into it, beside conda's packages.
    func captureConda(
        _ packages: [CapturedEnvironment.CondaPackage], _ lock: EnvironmentLock, _ root: String
    ) throws -> TakenEnvironment {
        guard !supply.isAskedFor else {
            throw ShuntError(
                .refused,
                "`offline` fetches wheels, and the active environment `\(root)` is one of conda's",
                hint: "shunt run --no-capture -- true")
        }
        let explicit = CondaLock(packages)
        var recipe = RecipeTree()
        recipe.add(Entry.condaExplicit, Self.lines(explicit.lines))
        if lock.count > 0 { try add(lock, to: &recipe) }
        let taken = try finish(
            recipe, .condaLock, python: nil, source: root, packages: explicit.count + lock.count,
            platform: explicit.platform, importPaths: lock.importPaths)
        return TakenEnvironment(
            software: .recipe(taken), gaps: explicit.gaps + lock.gaps, warnings: lock.warnings)
    }
}
