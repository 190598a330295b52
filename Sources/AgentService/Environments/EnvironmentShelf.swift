internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// The environments that are built and published: how large each is, when it was used last, and
/// their removal. Blocks.
///
/// The time of its link is when an environment was used last. What a removal that was cut short
/// leaves behind is a build that nothing links to; see ``AbandonedBuilds``.
struct EnvironmentShelf: Sendable {
    /// Of the environments, see ``PythonEnvironments``.
    let directory: String

    /// All of them, the one that was used last first.
    ///
    /// - Parameter recipes: what tasks that are not over need.
    func list(inUse recipes: Set<String>) -> [EnvironmentView] {
        names().compactMap { name -> EnvironmentView? in
            let link = directory + "/" + name
            guard let path = PublishedEnvironment.target(of: link) else { return nil }
            var status = stat()
            guard lstat(link, &status) == 0 else { return nil }
            let milliseconds =
                Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
            return EnvironmentView(
                key: name, size: EnvironmentSeal(root: path).size(),
                usedAt: WallTime(milliseconds: max(0, milliseconds)),
                isInUse: recipes.contains { name.hasSuffix("-" + $0) })
        }.sorted { ($1.usedAt, $0.key) < ($0.usedAt, $1.key) }
    }

    /// Notes that an environment was used.
    func touch(_ key: String) {
        // Where the time cannot be set, it is taken for one that was used earlier.
        utimensat(AT_FDCWD, directory + "/" + key, nil, AT_SYMLINK_NOFOLLOW)
    }

    /// - Throws: ``ShuntError`` where there is no such environment, or a task needs it.
    func remove(_ key: String, inUse recipes: Set<String>) throws -> EnvironmentView {
        guard let environment = list(inUse: recipes).first(where: { $0.key == key }) else {
            throw ShuntError(
                .notFound, "there is no environment `\(key)` on this worker",
                hint: "shunt env ls")
        }
        guard !environment.isInUse else {
            throw ShuntError(
                .refused, "the environment `\(key)` is in use", hint: "shunt ps")
        }
        try remove(environment)
        return environment
    }

    /// Removes what was not used for longest until the rest fits; never what is in use.
    ///
    /// - Returns: what was removed.
    func collect(
        beyond bound: ByteCount, inUse recipes: Set<String>
    ) throws -> [EnvironmentView] {
        let all = list(inUse: recipes)
        var total = all.reduce(ByteCount.zero) { $0 + $1.size }
        var removed: [EnvironmentView] = []
        for environment in all.reversed() where total > bound && !environment.isInUse {
            try remove(environment)
            total = total - environment.size
            removed.append(environment)
        }
        return removed
    }

    /// The name first: from then on nobody starts in it.
    private func remove(_ environment: EnvironmentView) throws {
        let link = directory + "/" + environment.key
        guard let path = PublishedEnvironment.target(of: link) else { return }
        guard unlink(link) == 0 else {
            throw ShuntError(
                .failed, "cannot remove `\(link)`: \(String(cString: strerror(errno)))",
                hint: "ls -ld \(directory)")
        }
        try removeTree(at: RawPath(path))
    }

    private func names() -> [String] {
        // Before the first build there is no directory, and nothing to list.
        guard let opened = try? OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY) else {
            return []
        }
        // One that cannot be read has nothing that could be said of it.
        let names = (try? opened.names()) ?? []
        return names.filter { !$0.hasSuffix(PublishedEnvironment.changedSuffix) }
    }
}
