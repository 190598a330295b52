import Foundation
import Testing
import Lab

/// What becomes of the files that a job writes.
@Suite struct OutputTests {
    @Test func newAndChangedFilesArePlacedAndDeletionsReported() async throws {
        try await ShuntHome.use { home in
            try home.write("keep.txt", "same\n")
            try home.write("edit.txt", "before\n")
            try home.write("gone.txt", "here\n")
            let outcome = try await home.run(
                "run", "--", "sh", "-c",
                "echo after > edit.txt; mkdir -p d/e; echo new > d/e/new.txt; rm gone.txt")
            #expect(outcome.code == 0)
            #expect(try home.read("edit.txt") == "after\n")
            #expect(try home.read("d/e/new.txt") == "new\n")
            #expect(try home.read("keep.txt") == "same\n")
            #expect(try home.read("gone.txt") == "here\n")
            #expect(outcome.errorText.contains("deleted gone.txt"), "\(outcome.errorText)")
        }
    }

    @Test func aFileThatWasEditedMeanwhileStaysAndTheJobsLandsBeside() async throws {
        try await ShuntHome.use { home in
            try home.write("model.txt", "base\n")
            let run = try home.start(
                [
                    "run", "--", "sh", "-c",
                    "echo job > model.txt; echo ready; "
                        + "while [ ! -e \(home.base)/go ]; do sleep 0.05; done",
                ])
            #expect(await eventually { run.outputSoFar == "ready\n" })
            try home.write("model.txt", "mine\n")
            try home.write("../go", "")
            let outcome = await run.outcome()
            #expect(outcome.code == 0)
            #expect(try home.read("model.txt") == "mine\n")
            let files = try FileManager.default.contentsOfDirectory(atPath: home.work)
            let beside = files.filter { $0 != "model.txt" }
            #expect(beside.count == 1, "\(files)")
            if let name = beside.first {
                #expect(try home.read(name) == "job\n")
                #expect(outcome.errorText.contains(name))
            }
        }
    }

    @Test func namedOutputsAloneComeBack() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run(
                "run", "-q", "--output", "r/*.csv", "--output", "model", "--", "sh", "-c",
                "mkdir r; echo 1 > r/a.csv; echo 2 > r/b.txt; echo 3 > model; echo 4 > other")
            #expect(outcome.code == 0)
            #expect(home.exists("r/a.csv") && home.exists("model"))
            #expect(!home.exists("r/b.txt") && !home.exists("other"))
        }
    }

    @Test func withoutPullNothingIsPlacedUntilItIsPulled() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run(
                "run", "--no-pull", "--name", "n", "--", "sh", "-c",
                "mkdir d; echo 1 > d/one; echo 2 > two")
            #expect(outcome.code == 0)
            #expect(!home.exists("two") && !home.exists("d"))
            let into = home.base + "/elsewhere"
            let part = try await home.run("pull", "n", "d/one", "--into", into)
            #expect(part.code == 0, "\(part.errorText)")
            #expect(part.output.isEmpty)
            #expect(FileManager.default.contents(atPath: into + "/d/one") == Data("1\n".utf8))
            #expect(!FileManager.default.fileExists(atPath: into + "/two"))
            #expect(!home.exists("two"))
            let all = try await home.run("pull", "n")
            #expect(all.code == 0)
            #expect(try home.read("two") == "2\n")
            let absent = try await home.run("pull", "n", "three")
            #expect(absent.code == 3)
            expectRemedy(absent, naming: "three")
        }
    }

    @Test func outputsAboveTheLimitStayAndTheCommandThatFetchesThemIsShown() async throws {
        try await ShuntHome.use { home in
            try home.write(
                "job.yaml",
                """
                run: head -c 100000 /dev/zero > big
                pull_limit: 10KiB
                """)
            let outcome = try await home.run("run", "-f", "job.yaml")
            #expect(outcome.code == 0)
            #expect(!home.exists("big"))
            let job = try await home.latestJob()
            #expect(outcome.errorText.contains("shunt pull \(job)"), "\(outcome.errorText)")
            #expect(try await home.run("pull", job).code == 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: home.path("big"))).count == 100_000)
        }
    }
}
