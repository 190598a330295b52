import Foundation
import Testing

/// What goes wrong with images and engines is said in their words, and leaves nothing behind.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct ContainerMistakeTests {
    @Test(arguments: ["localhost/no-such-image:1", "127.0.0.1:1/a:1", "nosuchshortname:1"])
    func anImageThatCannotBeHadIsNamedWithTheReason(_ image: String) async throws {
        try await ContainerHome.use { home in
            let outcome = try await home.run(
                ["run", "-q", "--image", image, "--", "true"], within: .seconds(120))
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: image, "could not be pulled")
            #expect(outcome.errorText.contains("Error: "), "\(outcome.errorText)")
            try await home.expectNoContainers()
        }
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

    @Test func aContainerfileThatIsNotThereIsMissedBeforeAnythingIsSent() async throws {
        try await ContainerHome.use { home in
            let outcome = try await home.run(
                "run", "-q", "--image", "./docker/Containerfile", "--", "true")
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "./docker/Containerfile")
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

    @Test func anEngineThatDoesNotWorkIsQuoted() async throws {
        try await ContainerHome.use { home in
            var home = home
            try home.write("../broken/podman", "#!/bin/sh\necho 'the storage is broken'; exit 9\n")
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
