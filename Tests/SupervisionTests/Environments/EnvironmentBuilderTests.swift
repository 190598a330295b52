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
        manifest: [UInt8] = EnvironmentRecipe.manifest(kind: .requirements, python: nil),
        setup: String? = nil
    ) throws -> EnvironmentRecipe {
        var files = [
            (EnvironmentRecipe.Entry.manifest, manifest),
            (EnvironmentRecipe.Entry.requirements, Array("# nothing\n".utf8)),
        ]
        if let setup { files.append((EnvironmentRecipe.Entry.setup, Array(setup.utf8))) }
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

    @Test(arguments: [("time", "not built within 2 s"), ("size", "takes more than")])
    func aBuildThatTakesTooLongOrTooMuchIsEndedAndLeavesNothing(
        _ bound: String, _ words: String
    ) throws {
        try Self.withBuilder { builder, environment in
            // What it has started ends with it.
            let mark = "4\(UInt32.random(in: 100_000...999_999))"
            builder.recipe = try Self.recipe(
                in: builder.store, setup: "head -c 9000000 /dev/zero >large; sleep \(mark)\n")
            if bound == "time" { builder.timeLimit = .seconds(2) }
            if bound == "size" { builder.sizeLimit = .mebibytes(8) }
            let error = #expect(throws: ShuntError.self) { try builder.build() }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
            #expect(error?.hint?.hasPrefix("less ") == true)
            #expect(environment.look() == .missing)
            let left = try OwnedDescriptor.open(
                environment.directory + "/builds", O_RDONLY | O_DIRECTORY
            ).names()
            #expect(left == ["key.log"])
            #expect(try Self.exitCode(of: ["pgrep", "-f", "^sleep \(mark)$"]) == 1)
        }
    }

    private static func exitCode(of words: [String]) throws -> Int32? {
        let ending = try HelperProcess(
            arguments: words, environment: EnvironmentBuilder.variables(), workingDirectory: "/",
            outputPath: "/dev/null"
        ).run(within: .seconds(10), abort: AbortFlag())
        guard case .exited(let code) = ending else { return nil }
        return code
    }

    @Test func eachOfCondasKinHasItsOwnCommand() {
        func words(_ name: CondaTool.Name, _ file: String) -> String {
            CondaTool(path: name.rawValue, name: name).creation(of: "/e", from: file)
                .joined(separator: " ")
        }
        let file = "/r/environment.yml"
        #expect(
            words(.micromamba, file) == "micromamba create --yes --quiet --prefix /e --file \(file)"
        )
        #expect(words(.mamba, file) == "mamba env create --quiet --prefix /e --file \(file)")
        #expect(words(.conda, file) == "conda env create --quiet --prefix /e --file \(file)")
        for name in CondaTool.Name.allCases {
            #expect(
                words(name, "/r/explicit.txt")
                    == "\(name) create --yes --quiet --prefix /e --file /r/explicit.txt")
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
