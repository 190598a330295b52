@testable internal import AgentService
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
        var builder = EnvironmentBuilder(
            directory: directory, key: "key", python: "/usr/bin/python3",
            requirements: Array("# nothing\n".utf8),
            abort: AbortFlag())
        try body(&builder, PublishedEnvironment(directory: directory, key: "key"))
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
