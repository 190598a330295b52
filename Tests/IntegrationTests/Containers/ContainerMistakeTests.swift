import Foundation
import Testing

/// What goes wrong with images and engines is said in their words, and leaves nothing behind.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct ContainerMistakeTests {
    /// All at once: podman alone asks a registry that refuses again and again, and one that says
    /// nothing, be it for the base of a build, for ever.
    @Test func anImageThatCannotBeHadIsNamedWithTheReason() async throws {
        try await ContainerHome.use { home in
            var home = home
            let (descriptor, port) = try FreePort.listen()
            defer { close(descriptor) }
            let silent = "127.0.0.1:\(port)/a:1"
            home.variables["CONTAINERS_REGISTRIES_CONF"] = try FreePort.allowPlainText(
                of: "127.0.0.1:\(port)", in: home.base)
            try home.write("Containerfile", "FROM \(silent)\n")
            let absent = ["localhost/no-such-image:1", "127.0.0.1:1/a:1", "nosuchshortname:1"]
            let runs = try ([silent, "./Containerfile"] + absent).map { image in
                (image, try home.start(["run", "-q", "--image", image, "--", "true"]))
            }
            for (image, run) in runs {
                let outcome = await run.outcome(within: .seconds(90))
                let verb = image.hasPrefix("./") ? "built" : "pulled"
                #expect(outcome.code == 125)
                expectRemedy(outcome, naming: "`\(image)` could not be \(verb)")
                let why =
                    absent.contains(image)
                    ? "Error: " : "did not answer for 20 s:\n"
                #expect(outcome.errorText.contains(why), "\(outcome.errorText)")
            }
            try await home.expectNoContainers()
        }
    }

    @Test func aDiskThatIsFullDuringABuildIsSaid() async throws {
        try await ContainerHome.use { home in
            let disk = home.base + "/disk"
            try await TestImage.shell(
                "mkdir '\(disk)' && mount -t tmpfs -o size=16m shunt-test '\(disk)'")
            do {
                try await build(in: home, storingOn: disk)
            } catch {
                try await TestImage.shell("umount --lazy '\(disk)'")
                throw error
            }
            try await TestImage.shell("umount --lazy '\(disk)'")
        }
    }

    /// Builds an image that is larger than the disk.
    private func build(in home: ShuntHome, storingOn disk: String) async throws {
        var home = home
        home.variables["CONTAINERS_STORAGE_CONF"] = home.base + "/storage.conf"
        try home.write(
            "../storage.conf",
            """
            [storage]
            driver = "overlay"
            graphroot = "\(disk)/storage"
            runroot = "\(home.base)/run"

            """)
        try home.write("Containerfile", "FROM scratch\nCOPY large /large\n")
        try home.write("large", Data(count: 24 << 20))
        let outcome = try await home.run(
            ["run", "-q", "--yes", "--image", ".", "--", "true"], within: .seconds(60))
        #expect(outcome.code == 125)
        expectRemedy(outcome, naming: "could not be built")
        #expect(outcome.errorText.contains("no space left on device"), "\(outcome.errorText)")
        let left = try await TestImage.shell("du -sm '\(disk)' | cut -f1")
        #expect((Int(left.trimmingCharacters(in: .newlines)) ?? 99) < 4, "MiB: \(left)")
        await home.remove()
    }

    @Test func theOutputOfABuildThatFailsIsShown() async throws {
        try await ContainerHome.use { home in
            try home.write(
                "Containerfile", "FROM \(TestImage.name)\nRUN echo what went wrong && exit 3\n")
            let outcome = try await home.run(
                ["run", "-q", "--image", "./Containerfile", "--", "true"], within: .seconds(120))
            #expect(outcome.code == 125)
            #expect(outcome.errorText.contains("what went wrong"), "\(outcome.errorText)")
            expectRemedy(outcome, naming: "could not be built")
        }
    }

    @Test func anImageThatIsNotAmongTheFilesIsMissedBeforeAnythingIsSent() async throws {
        try await ContainerHome.use { home in
            for image in ["./docker/Containerfile", "oci:layout", "docker-archive:image.tar"] {
                let outcome = try await home.run("run", "-q", "--image", image, "--", "true")
                #expect(outcome.code == 125)
                expectRemedy(outcome, naming: image)
            }
            try home.write("layout/oci-layout", "{}")
            let outcome = try await home.run("run", "-q", "--image", "oci:layout", "--", "true")
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "oci:layout", "index.json")
            let jobs = try JSON(parsing: try await home.run("ps", "-a", "-o", "json").output)
            #expect(jobs.items.isEmpty)
        }
    }

    @Test func aWorkerWithoutAnEngineIsKnownBeforehand() async throws {
        try await ContainerHome.use { home in
            var home = home
            home.variables["PATH"] = try await pathWithoutEngines(home)
            // What is there is known once the worker has answered.
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            let outcome = try await home.run(
                "run", "-q", "--image", TestImage.name, "--", "true")
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "`local` has no container engine")
        }
    }

    /// As the probe of a worker has it.
    @Test func podmanThatDoesNotSayItsVersionIsNoEngine() async throws {
        try await ContainerHome.use { home in
            var home = home
            try home.write("../broken/podman", "#!/bin/sh\nexit 9\n")
            #expect(chmod(home.base + "/broken/podman", 0o755) == 0)
            home.variables["PATH"] =
                home.base + "/broken:" + (try await pathWithoutEngines(home))
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            let outcome = try await home.run(
                "run", "-q", "--image", TestImage.name, "--", "true")
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "`local` has no container engine")
        }
    }

    @Test func anEngineThatDoesNotWorkIsQuoted() async throws {
        try await ContainerHome.use { home in
            var home = home
            try home.write(
                "../broken/podman",
                "#!/bin/sh\n[ \"$1\" = --version ] && exec echo podman version 4.3.1\n"
                    + "echo 'the storage is broken'; exit 9\n")
            let directory = home.base + "/broken"
            #expect(chmod(directory + "/podman", 0o755) == 0)
            home.variables["PATH"] = directory + ":" + (try await pathWithoutEngines(home))
            let outcome = try await home.run(
                "run", "-q", "--image", TestImage.name, "--", "true")
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "podman does not work there: the storage is broken")
        }
    }

    @Test func packagesAreTheImagesOwn() async throws {
        try await ContainerHome.use { home in
            try home.write("requirements.txt", "")
            try home.write(
                "job.yaml", "run: 'true'\nimage: a\nenvironment: {python: requirements.txt}\n")
            let outcome = try await home.run("run", "-q")
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "`environment`", "`image`")
        }
    }

    /// Links to all that is in `PATH` but the engines.
    private func pathWithoutEngines(_ home: ShuntHome) async throws -> String {
        let directory = home.base + "/bin"
        let line = """
            mkdir -p '\(directory)'
            ln -sf /usr/local/bin/* /usr/bin/* /bin/* '\(directory)/' 2>/dev/null
            rm -f '\(directory)/podman' '\(directory)/docker'
            """
        _ = try await home.shell(line)
        return directory
    }
}
