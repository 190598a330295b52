@testable internal import AgentService
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Synchronization
internal import Testing

/// Builds of environments that need nothing from an index.
@Suite struct EnvironmentBuilderTests {
    private static func withBuilder(
        _ body: (inout EnvironmentBuilder, _ environment: PublishedEnvironment) throws -> Void
    ) throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let store = try ObjectStore(at: RawPath(directory + "/store"))
        let python = try PythonInterpreter(
            asking: "/usr/bin/python3", output: directory + "/version")
        var builder = EnvironmentBuilder(
            directory: directory, key: "key", python: .interpreter(python),
            recipe: try Self.recipe(in: store), store: store, abort: AbortFlag())
        try body(&builder, PublishedEnvironment(directory: directory, key: "key"))
    }

    /// One that installs nothing.
    private static func recipe(
        in store: ObjectStore,
        manifest: [UInt8] = EnvironmentRecipe.manifest(kind: .requirements, python: nil)
    ) throws -> EnvironmentRecipe {
        let files = [
            (EnvironmentRecipe.Entry.manifest, manifest),
            (EnvironmentRecipe.Entry.requirements, Array("# nothing\n".utf8)),
        ]
        let directory = try TreeDirectory(
            entries: files.map { name, bytes in
                TreeEntry(
                    name: Array(name.utf8),
                    node: .file(
                        try store.insert(bytes), size: Int64(bytes.count), isExecutable: false))
            })
        let time = FileTime(seconds: 0, nanoseconds: 0)
        let metadata = TreeMetadata(
            modified: time, entries: files.map { _ in .modified(time) })
        let tree = TreeReference(
            content: try store.insert(directory), metadata: try store.insert(metadata))
        return EnvironmentRecipe(kind: .requirements, tree: tree, source: "requirements.txt")
    }

    @Test func aRecipeOfAnotherFormatIsRefused() throws {
        try Self.withBuilder { builder, environment in
            let other = Array("{\"format\": 2}\n".utf8)
            builder.recipe = try Self.recipe(in: builder.store, manifest: other)
            let error = #expect(throws: ShuntError.self) { try builder.build() }
            #expect(error?.message.contains("format") == true)
            #expect(environment.look() == .missing)
        }
    }

    @Test func aBuildIsDurableAndSealedBeforeItHasItsName() throws {
        try Self.withBuilder { builder, environment in
            let synced = Mutex<[String]>([])
            builder.sync = { path in
                #expect(environment.look() == .missing)
                #expect(EnvironmentSeal(root: path).firstChange() == nil)
                synced.withLock { $0.append(path) }
                return 0
            }
            let path = try builder.build()
            #expect(synced.withLock { $0 } == [path])
            #expect(environment.look() == .intact(path: path))
            // And not built again.
            #expect(try builder.build() == path)
            #expect(synced.withLock { $0.count } == 1)
        }
    }

    @Test func whatCouldNotBeMadeDurableIsNotPublished() throws {
        try Self.withBuilder { builder, environment in
            builder.sync = { _ in EIO }
            let error = #expect(throws: ShuntError.self) { try builder.build() }
            #expect(error?.message.contains("make durable") == true)
            #expect(environment.look() == .missing)
            let left = try OwnedDescriptor.open(
                environment.directory + "/builds", O_RDONLY | O_DIRECTORY
            ).names()
            #expect(left == ["key.log"])
        }
    }

    @Test func aBuildThatWasChangedIsSetAsideAndKept() throws {
        try Self.withBuilder { builder, environment in
            let path = try builder.build()
            chmod(path + "/pyvenv.cfg", 0o600)
            try Files.write(Array("home = /\n".utf8), to: path + "/pyvenv.cfg")
            #expect(environment.look() == .changed(path: path, file: "pyvenv.cfg"))
            let next = try builder.build()
            #expect(next != path)
            #expect(environment.look() == .intact(path: next))
            #expect(access(path + "/bin/python", X_OK) == 0)
            // Somebody runs in it; then nobody does.
            var environ: [UnsafeMutablePointer<CChar>?] = [strdup("VIRTUAL_ENV=" + path), nil]
            var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
            defer { for pointer in environ + words { free(pointer) } }
            var pid = pid_t()
            try #require(posix_spawn(&pid, "/bin/sleep", nil, nil, &words, &environ) == 0)
            try AbandonedBuilds(directory: environment.directory).remove()
            #expect(access(path + "/bin/python", X_OK) == 0)
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            try AbandonedBuilds(directory: environment.directory).remove()
            #expect(access(path, F_OK) != 0)
            #expect(environment.look() == .intact(path: next))
        }
    }
}
