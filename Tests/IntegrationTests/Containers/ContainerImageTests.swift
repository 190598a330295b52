import Foundation
import Testing

/// The sources of images beside a name that the engine knows.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct ContainerImageTests {
    private func run(
        _ home: ShuntHome, _ image: String, _ command: String...
    ) async throws -> Outcome {
        try await home.run(
            ["run", "--image", image, "--"] + command, within: .seconds(180))
    }

    @Test func aContainerfileIsBuiltOncePerContent() async throws {
        try await ContainerHome.use { home in
            let mark = UInt64.random(in: 0...UInt64.max)
            try home.write(
                "image/Dockerfile", "FROM \(TestImage.name)\nCOPY mark /mark\n")
            try home.write("image/mark", "\(mark)\n")
            let first = try await run(home, "./image", "cat", "/mark")
            #expect(first.text == "\(mark)\n", "\(first.errorText)")
            #expect(first.errorText.contains("building the image `./image`"))
            // Beside the context, so that it is the same.
            try home.write("train.py", "\n")
            let second = try await run(home, "./image/Dockerfile", "cat", "/mark")
            #expect(second.text == first.text)
            #expect(!second.errorText.contains("building"), "\(second.errorText)")
            try home.write("image/mark", "\(mark)+1\n")
            let third = try await run(home, "./image", "cat", "/mark")
            #expect(third.text == "\(mark)+1\n", "\(third.errorText)")
            #expect(third.errorText.contains("building the image"))
            // Each is kept under a note, and whose it is not is not listed.
            let kept = try JSON(parsing: try await home.run("env", "ls", "-o", "json").output)
            #expect(kept.items.count == 2)
            #expect(kept.items.allSatisfy { $0["key"].string?.hasPrefix("image-build-") == true })
        }
    }

    /// What an image is made of may differ where the image does not: each build gives it a name.
    @Test func allNamesOfAnImageGoWithIt() async throws {
        try await ContainerHome.use { home in
            let mark = UInt64.random(in: 0...UInt64.max)
            try home.write(
                "image/Dockerfile", "FROM \(TestImage.name)\nRUN echo \(mark) >/mark\n")
            for note in ["a", "b"] {
                try home.write("image/note", "\(note)\n")
                let ran = try await run(home, "./image", "cat", "/mark")
                #expect(ran.text == "\(mark)\n", "\(ran.errorText)")
            }
            let kept = try JSON(parsing: try await home.run("env", "ls", "-o", "json").output)
            let key = try #require(kept.items.first?["key"].string)
            #expect(kept.items.count == 1)
            let image = key.suffix(12)
            let names = "podman image inspect --format '{{len .RepoTags}}' \(image)"
            #expect(try await TestImage.shell(names) == "2\n")
            #expect(try await home.run("env", "rm", key).code == 0)
            let there = "podman image exists \(image) && echo there || echo gone"
            #expect(try await TestImage.shell(there) == "gone\n")
        }
    }

    @Test func aLayoutAndAnArchiveAreLoadedFromTheJob() async throws {
        try await ContainerHome.use { home in
            let small = try await TestImage.small()
            try await TestImage.shell(
                """
                podman save --quiet --format oci-dir --output '\(home.path("layout"))' \(small)
                podman save --quiet --output '\(home.path("image.tar"))' \(small)
                """)
            for image in ["oci:layout", "docker-archive:image.tar"] {
                let outcome = try await run(home, image, "/answer")
                #expect(outcome.text == "42\n", "\(outcome.errorText)")
            }
        }
    }

    /// An archive's name may mean something else to the engine that loads it, or nothing.
    @Test func anArchiveTakesNoNameOfTheWorkers() async throws {
        try await ContainerHome.use { home in
            let small = try await TestImage.small()
            let random = UInt64.random(in: 0...UInt64.max)
            let (taken, free) = (
                "localhost/shunt-taken-\(random):1", "localhost/shunt-free-\(random):1"
            )
            try await TestImage.shell(
                """
                podman tag \(small) \(taken) && podman tag \(small) \(free)
                podman save --quiet --format docker-archive --multi-image-archive \
                    --output '\(home.path("image.tar"))' \(taken) \(free)
                podman untag \(small) \(free) && podman tag \(TestImage.name) \(taken)
                """)
            let outcome = try await run(home, "docker-archive:image.tar", "/answer")
            #expect(outcome.text == "42\n", "\(outcome.errorText)")
            let names = try await TestImage.shell(
                """
                podman image inspect --format '{{.Id}}' \(taken) \(TestImage.name) | uniq | wc -l
                podman image exists \(free) && echo there || echo free
                podman untag \(TestImage.name) \(taken)
                """)
            #expect(names == "1\nfree\n", "\(names)")
        }
    }

    @Test func anImageOfThisMachineIsWrittenOnce() async throws {
        try await ContainerHome.use { home in
            let small = try await TestImage.small()
            let first = try await run(home, "local:\(small)", "/answer")
            #expect(first.text == "42\n", "\(first.errorText)")
            let notes = home.root + "/images"
            let before = try FileManager.default.contentsOfDirectory(atPath: notes)
            #expect(before.count == 1)
            let second = try await run(home, "local:\(small)", "/answer")
            #expect(second.text == "42\n", "\(second.errorText)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: notes) == before)
            let missing = try await home.run(
                "run", "-q", "--image", "local:no-such-image", "--", "true")
            #expect(missing.code == 125)
            expectRemedy(missing, naming: "no-such-image")
        }
    }
}
