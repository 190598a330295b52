import Foundation
import Testing
import Lab

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
            // With a `PATH` of its own it is still the environment's Python that runs.
            let fourth = try await home.run(
                ["run", "-q", "-f", "job.yaml", "-e", "PATH=/usr/bin:/bin"])
            #expect(fourth.text == third.text, "\(fourth.errorText)")
            let directory = home.root + "/agent/environments"
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            let built = names.filter {
                FileManager.default.fileExists(atPath: "\(directory)/\($0)/bin/python")
            }
            #expect(built.count == 1, "\(names)")
        }
    }

    /// What root may do to a shared environment all the same, another job does not get to see.
    @Test(.enabled(if: geteuid() == 0, "an ordinary account may not change an environment"))
    func aJobThatChangesItsEnvironmentChangesItForNobodyElse() async throws {
        try await ShuntHome.use { home in
            try home.write("requirements.txt", "six==1.16.0\n")
            try home.write("job.yaml", Self.job)
            // It goes on in the one that it has changed.
            try home.write(
                "change.yaml",
                """
                run: |
                  pip install -q six==1.15.0
                  touch \(home.base)/changed
                  while [ ! -e \(home.base)/seen ]; do sleep 0.1; done
                  python -c 'import six, sys; print(six.__version__, sys.prefix)'
                environment: {python: requirements.txt}
                """)
            let limit = Duration.seconds(180)
            let changing = try home.start(
                ["run", "-q", "--cpus", "0.1", "-f", "change.yaml"])
            let changed = await eventually(within: limit) {
                FileManager.default.fileExists(atPath: home.base + "/changed")
            }
            #expect(changed, "\(changing.errorsSoFar)")
            let next = try await home.run(
                ["run", "--cpus", "0.1", "-f", "job.yaml"], within: limit)
            #expect(next.text.hasPrefix("1.16.0 "), "\(next.errorText)")
            #expect(next.errorText.contains("a job has changed `lib"), "\(next.errorText)")
            try Data().write(to: URL(fileURLWithPath: home.base + "/seen"))
            let outcome = await changing.outcome(within: limit)
            #expect(outcome.text.hasPrefix("1.15.0 "), "\(outcome.errorText)")
            #expect(outcome.text != next.text)
            let last = try await home.run(["run", "-f", "job.yaml"], within: limit)
            #expect(last.text == next.text)
            #expect(!last.errorText.contains("building"), "\(last.errorText)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, OtherAccount.reason))
    func anOrdinaryAccountCannotChangeAnEnvironment() async throws {
        try await ShuntHome.use { home in
            try home.write("requirements.txt", "six==1.16.0\n")
            try home.write(
                "job.yaml",
                """
                run: pip install -q six==1.15.0
                environment: {python: requirements.txt}
                """)
            let account = try OtherAccount(home)
            let refused = try await account.shell(
                "shunt run -q -f job.yaml", within: .seconds(180))
            #expect(refused.code == 1, "\(refused.errorText)")
            #expect(refused.errorText.contains("Permission denied"), "\(refused.errorText)")
            // And whoever wants the space back can have it, by the command of docs/storage.md.
            _ = try await account.shell("shunt coordinator stop")
            let removed = try await account.shell(
                "chmod -R u+w \(home.root) && rm -rf \(home.root)/agent/environments")
            #expect(removed.code == 0, "\(removed.errorText)")
            account.removeSockets()
        }
    }

    /// Without a command that asks for it, and with the same connection.
    @Test func aProgramThatIsInstalledLaterIsFoundByAnAgentThatRuns() async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["PATH"] = home.base + "/bin:/usr/bin:/bin"
            home.variables["HOME"] = home.base
            func hasUV() async throws -> Bool? {
                let list = try JSON(
                    parsing: try await home.run("worker", "ls", "-o", "json").output)
                guard case .bool(let value) = list[0]["tools"]["has_uv"] else { return nil }
                return value
            }
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            #expect(try await eventually { try await hasUV() == false })
            try home.write("../bin/uv", "#!/bin/sh\nexit 0\n")
            try #require(chmod(home.base + "/bin/uv", 0o755) == 0)
            #expect(try await eventually(within: .seconds(40)) { try await hasUV() == true })
        }
    }

    /// A `python3` that starts one of several, as pyenv's does, and starts another one from now on.
    @Test func anEnvironmentIsOfTheInterpreterThatAnswersNow() async throws {
        try await ShuntHome.use { home in
            try home.write("requirements.txt", "# nothing\n")
            try home.write("job.yaml", "run: 'true'\nenvironment: {python: requirements.txt}\n")
            let base = home.base
            for version in ["3.90.0", "3.91.0"] {
                try home.write(
                    "../\(version)/sitecustomize.py",
                    """
                    import sys
                    sys.version_info = (*map(int, "\(version)".split(".")), "final", 0)
                    """)
            }
            try home.write(
                "../bin/python3",
                """
                #!/bin/sh
                PYTHONPATH=\(base)/$(cat \(base)/choice) exec /usr/bin/python3 "$@"
                """)
            try #require(chmod(base + "/bin/python3", 0o755) == 0)
            let path = base + "/bin:" + (home.environment()["PATH"] ?? "")
            for version in ["3.90.0", "3.91.0"] {
                try home.write("../choice", version)
                let outcome = try await home.run(
                    ["run", "-q", "-f", "job.yaml"], env: ["PATH": path], within: .seconds(180))
                #expect(outcome.code == 0, "\(outcome.errorText)")
                let names = try FileManager.default.contentsOfDirectory(
                    atPath: home.root + "/agent/environments")
                #expect(names.contains { $0.hasPrefix("py\(version)-") }, "\(names)")
            }
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

    /// What the CLI can see, it says before anything is sent.
    @Test func requirementsThatLeadToAnotherFileAreRefusedAtOnce() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.job)
            for line in ["-r other.txt", "-f ./wheels", "six@file:///srv/six.whl"] {
                try home.write("requirements.txt", "six==1.16.0\r\n\(line)\r\n")
                for options in [[], ["--dry-run"]] {
                    let refused = try await home.run(["run", "-f", "job.yaml"] + options)
                    #expect(refused.code == 125)
                    expectRemedy(refused, naming: "`\(line)`", "one file")
                }
            }
            #expect(try await home.jobs().isEmpty)
        }
    }

    /// `python3` as every machine has it, and the version that another one wants.
    @Test func aWorkerWithoutTheWantedPythonIsSentNothing() async throws {
        try await ShuntHome.use { home in
            for name in ["python", "python3"] {
                try home.write(
                    "../venv/bin/\(name)",
                    "#!/bin/sh\necho '{\"python\": \"3.97\", \"implementation\": \"cpython\", "
                        + "\"distributions\": [], \"indexes\": []}'\n")
                try #require(chmod("\(home.base)/venv/bin/\(name)", 0o755) == 0)
            }
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            let refused = try await home.run(["run", "--", "true"], env: active)
            #expect(refused.code == 125)
            expectRemedy(refused, naming: "Python 3.97", "no `uv`")
            #expect(try await home.jobs().isEmpty)
            // Where nobody asks for a plan, the worker says so before it asks for content.
            let quiet = try await home.run(["run", "-q", "--", "true"], env: active)
            #expect(quiet.code == 125)
            #expect(quiet.errorText.contains("Python 3.97"), "\(quiet.errorText)")
            if try await home.shell("command -v uv").code == 0 { return }
            let anywhere = try await home.run(["run", "--on", "any", "--", "true"], env: active)
            #expect(anywhere.code == 125)
            expectRemedy(anywhere, naming: "needs Python 3.97, and `local` has Python 3.")
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
