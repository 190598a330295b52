import Foundation
import Testing
import Lab

/// Environments that were on the worker before, and what is said of those that a worker has built.
@Suite struct ExistingEnvironmentTests {
    @Test func whatAnAdministratorPutThereIsUsedAsItIs() async throws {
        try await ShuntHome.use { home in
            let made = try await home.shell(
                "python3 -m venv ../torch && ../torch/bin/pip install -q six==1.16.0 "
                    + "&& ../torch/bin/pip uninstall -q -y setuptools pip", within: .seconds(120))
            try #require(made.code == 0, "\(made.errorText)")
            let path = home.base + "/torch"
            try home.write(
                "job.yaml",
                """
                run: python -c 'import sys; print(sys.prefix)'
                environment: {existing: \(path)}
                """)
            let outcome = try await home.run(["run", "-f", "job.yaml"])
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == path + "\n")
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["packages"][0].string == "six==1.16.0", "\(view)")
            let plan = try await home.run(["run", "--dry-run", "-f", "job.yaml"])
            #expect(plan.text.contains("found there"), "\(plan.text)")
        }
    }

    @Test func aModuleLineIsWhatALoginShellMakesOfIt() async throws {
        try await ShuntHome.use { home in
            try home.write(
                "../home/.bash_profile",
                """
                module() {
                    [ "$2" = cuda ] || { echo "no module $2"; return 1; }
                    export CUDA_HOME=/opt/cuda PATH=/opt/cuda/bin:$PATH
                }
                """)
            let env = ["HOME": home.base + "/home"]
            try home.write(
                "job.yaml",
                "run: 'echo $CUDA_HOME ${PATH%%:*}'\nenvironment: {existing: module load cuda}\n")
            let outcome = try await home.run(["run", "-f", "job.yaml"], env: env)
            #expect(outcome.text == "/opt/cuda /opt/cuda/bin\n", "\(outcome.errorText)")
            try home.write(
                "absent.yaml", "run: 'true'\nenvironment: {existing: module load none}\n")
            let refused = try await home.run(["run", "-f", "absent.yaml"], env: env)
            #expect(refused.code == 125)
            expectRemedy(refused, naming: "module load none", "no module none")
            // What a shell would take for more than a module's name is none.
            try home.write(
                "absent.yaml",
                "run: 'true'\nenvironment: {existing: 'module load cuda; touch made'}\n")
            let more = try await home.run(["run", "-f", "absent.yaml"])
            #expect(more.code == 125)
            expectRemedy(more, naming: "absent.yaml", "names of modules")
        }
    }

    @Test(arguments: ["/nowhere/at/all", "nobody-made-this"])
    func oneThatIsNotThereIsRefusedBeforeAnythingIsSent(_ name: String) async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", "run: 'true'\nenvironment: {existing: \(name)}\n")
            let refused = try await home.run(["run", "-f", "job.yaml"])
            #expect(refused.code == 125)
            expectRemedy(refused, naming: "`\(name)`", "no")
            #expect(try await home.jobs().isEmpty)
        }
    }

    @Test func environmentsAreListedAndRemovedUnlessTheyAreInUse() async throws {
        try await ShuntHome.use { home in
            try home.write("requirements.txt", "# nothing\n")
            try home.write(
                "job.yaml",
                """
                run: |
                  touch \(home.base)/runs
                  while [ ! -e \(home.base)/go ]; do sleep 0.1; done
                environment:
                  python: requirements.txt
                  setup: ["python --version > $VIRTUAL_ENV/version"]
                """)
            let job = try home.start(["run", "-f", "job.yaml"])
            let runs = await eventually(within: .seconds(120)) {
                FileManager.default.fileExists(atPath: home.base + "/runs")
            }
            #expect(runs, "\(job.errorsSoFar)")
            let listed = try JSON(parsing: try await home.run("env", "ls", "-o", "json").output)
            let key = try #require(listed[0]["key"].string)
            let version = "\(home.root)/agent/environments/\(key)/version"
            #expect(try String(contentsOfFile: version, encoding: .utf8).hasPrefix("Python 3."))
            let refused = try await home.run("env", "rm", key)
            #expect(refused.code == 5)
            expectRemedy(refused, naming: key, "in use")
            try Data().write(to: URL(fileURLWithPath: home.base + "/go"))
            #expect(await job.outcome(within: .seconds(60)).code == 0)
            let removed = try await home.run("env", "rm", key)
            #expect(removed.text == key + "\n", "\(removed.errorText)")
            #expect(try await home.run("env", "ls").text.split(separator: "\n").count == 1)
            #expect(try await home.run("env", "rm", key).code == 3)
        }
    }
}
