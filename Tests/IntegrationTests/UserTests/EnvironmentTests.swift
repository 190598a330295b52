import Foundation
import Testing

/// Virtual environments that are built from a requirements file with the package index.
@Suite struct EnvironmentTests {
    private static let job = """
        run: python -c 'import six, sys; print(six.__version__, sys.prefix)'
        environment: {python: requirements.txt}
        """

    @Test func anEnvironmentIsBuiltOnceAndShared() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.job)
            try home.write("requirements.txt", "six==1.16.0\n")
            // Two at the same time, then a third from another directory.
            async let one = home.run(["run", "-q", "-f", "job.yaml"], within: .seconds(180))
            async let two = home.run(["run", "-q", "-f", "job.yaml"], within: .seconds(180))
            let outcomes = try await [one, two]
            for outcome in outcomes {
                #expect(outcome.code == 0, "\(outcome.errorText)")
                #expect(outcome.text.hasPrefix("1.16.0 "))
            }
            #expect(outcomes[0].text == outcomes[1].text)
            try home.write("other/job.yaml", Self.job)
            try home.write("other/requirements.txt", "six==1.16.0\n")
            let third = try await home.run(
                ["run", "-q", "-f", "job.yaml"], cwd: home.path("other"))
            #expect(third.text == outcomes[0].text, "\(third.errorText)")
            let directory = home.root + "/agent/environments"
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            let built = names.filter {
                FileManager.default.fileExists(atPath: "\(directory)/\($0)/bin/python")
            }
            #expect(built.count == 1, "\(names)")
        }
    }

    /// The first of them brought the requirements file, which goes with its checkout.
    @Test func cancellingOneJobLeavesTheBuildToTheOther() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.job)
            try home.write("requirements.txt", "six==1.15.0\n")
            var jobs: [String] = []
            for _ in 0..<2 {
                let submitted = try await home.run("submit", "-f", "job.yaml", "--cpus", "0.1")
                try #require(submitted.code == 0, "\(submitted.errorText)")
                let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
                let builds = try await eventually {
                    try await home.inspect(id)["activity"].string == "building the environment"
                }
                #expect(builds)
                jobs.append(id)
            }
            #expect(try await home.run("cancel", jobs[0]).code == 0)
            let waited = try await home.run(["wait", jobs[1]], within: .seconds(180))
            let view = try await home.inspect(jobs[1])
            #expect(waited.text == "0\n", "\(view)")
            #expect(try await home.run("logs", jobs[1]).text.hasPrefix("1.15.0 "))
            #expect(try await home.inspect(jobs[0])["state"].string == "cancelled")
        }
    }

    @Test func requirementsThatCannotBeSolvedFailWithTheInstallersWords() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.job)
            try home.write("requirements.txt", "six==999.999\n")
            let outcome = try await home.run(["run", "-f", "job.yaml"], within: .seconds(180))
            #expect(outcome.code == 125)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errorText.contains("999.999"), "\(outcome.errorText)")
            #expect(
                outcome.errorLines.contains {
                    $0.hasPrefix("error: ") && $0.contains("environment failed")
                }, "\(outcome.errorText)")
            #expect(outcome.errorLines.contains { $0.hasPrefix("hint: ") })
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["state"].string == "failed")
            #expect(view["reason"].string?.contains("environment failed") == true)
        }
    }
}
