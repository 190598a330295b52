import Foundation
import Testing

/// Environments that the worker's conda builds, from a file of the job's and from what is active.
@Suite(.enabled(if: RealConda.isPossible, RealConda.reason), .sharedConda)
struct CondaEnvironmentTests {
    private static let job = """
        run: |
          greet
          python -c 'import six, sys; print(six.__version__, sys.prefix)'
          echo $CONDA_PREFIX
        environment: {conda: environment.yml}
        """

    private static func file(_ home: ShuntHome, greet: String) -> String {
        """
        name: of-no-importance
        channels: ["file://\(home.base)/channel", nodefaults]
        dependencies:
          - python
          - greet=\(greet)
          - pip:
            - six==1.16.0
        """
    }

    @Test func anEnvironmentFileIsBuiltOnceAndOneThatCannotBeSolvedSaysWhy() async throws {
        try await RealConda.use { home in
            try home.write("job.yaml", Self.job)
            try home.write("environment.yml", Self.file(home, greet: "1.0"))
            async let one = home.run(["run", "-f", "job.yaml"], within: .seconds(180))
            async let two = home.run(["run", "-f", "job.yaml"], within: .seconds(180))
            let outcomes = try await [one, two]
            for outcome in outcomes {
                let lines = outcome.text.split(separator: "\n").map(String.init)
                try #require(lines.count == 3, "\(outcome.text)\(outcome.errorText)")
                #expect(lines[0] == "greetings 1.0")
                #expect(lines[1] == "1.16.0 " + lines[2])
                #expect(lines[2].hasPrefix(home.root + "/agent/environments/builds/conda-linux-"))
            }
            #expect(outcomes[0].text == outcomes[1].text)
            // Its files are its own: the next look finds it as it was sealed.
            let third = try await home.run(["run", "-f", "job.yaml"])
            #expect(third.text == outcomes[0].text, "\(third.errorText)")
            #expect(third.errorText.contains("environment is there"), "\(third.errorText)")
            let shared = try await home.shell(
                "find \(home.root)/agent/environments/builds -type f -links +1 | wc -l")
            #expect(shared.text.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
            let listed = try await home.run("env", "ls")
            #expect(listed.text.split(separator: "\n").count == 2, "\(listed.text)")

            try home.write("environment.yml", Self.file(home, greet: "9"))
            let failed = try await home.run(["run", "-f", "job.yaml"], within: .seconds(120))
            #expect(failed.code == 125)
            #expect(failed.errorText.contains("environment failed"), "\(failed.errorText)")
            #expect(failed.errorText.contains("greet 9"), "\(failed.errorText)")
            let left = try FileManager.default.contentsOfDirectory(
                atPath: home.root + "/agent/environments/builds")
            #expect(left.filter { !$0.hasSuffix(".log") }.count == 1, "\(left)")
        }
    }

    /// From channels with an address, with what `pip` put beside conda's packages.
    @Test func whatIsActiveIsRebuiltFromTheSamePackages() async throws {
        try await RealConda.use { home in
            let server = try await FileServer(home.base + "/channel", home)
            try home.write("../tools/lab_tools.py", "ANSWER = 42\n")
            try home.write(
                "../tools/setup.py",
                "from setuptools import setup\n"
                    + "setup(name='labtools', version='0.5', py_modules=['lab_tools'])\n")
            let path = home.base + "/torch"
            let made = try await home.shell(
                """
                set -e
                conda create -q --yes -p \(path) --override-channels -c \(server.address) \
                    python greet=1.0
                \(path)/bin/python \(path)/bin/pip install -q six==1.15.0 -e ../tools
                """, within: .seconds(180))
            try #require(made.code == 0, "\(made.errorText)\(made.text)")
            let active = ["CONDA_PREFIX": path, "CONDA_DEFAULT_ENV": "torch"]
            let command = ["python", "-c", Self.versions]
            let here = try await home.shell(
                "PATH=\(path)/bin:$PATH; greet; python -c '\(Self.versions)'")
            try #require(here.code == 0, "\(here.errorText)")
            try home.write("look.sh", "greet; python -c '\(Self.versions)'\n")
            let first = try await home.run(
                ["run", "--", "sh", "look.sh"], env: active, within: .seconds(180))
            #expect(first.text == here.text, "\(first.errorText)")
            #expect(first.text.hasPrefix("greetings 1.0\n"))
            let second = try await home.run(["run", "--"] + command, env: active)
            #expect(second.errorText.contains("is there"), "\(second.errorText)")
            // A package of a channel that only this machine has is named, and not passed over.
            let added = try await home.shell(
                """
                printf '@EXPLICIT\\nfile://\(home.base)/channel/noarch/greet-2.0-0.tar.bz2\\n' >list
                conda install -q --yes -p \(path) --file list
                """, within: .seconds(60))
            try #require(added.code == 0, "\(added.errorText)\(added.text)")
            let plan = try await home.run(["run", "--dry-run", "--", "greet"], env: active)
            #expect(plan.text.contains("greet: comes from a place"), "\(plan.text)")
        }
    }

    private static let versions =
        "import importlib.metadata as m, lab_tools; "
        + "print(sorted((d.name, d.version) for d in m.distributions()), lab_tools.ANSWER)"
}

/// What needs no conda.
@Suite struct CondaMistakeTests {
    private static let job = "run: 'true'\nenvironment: {conda: environment.yml}\n"

    @Test(.enabled(if: !FileManager.default.fileExists(atPath: "/opt/conda"), "conda is here"))
    func aWorkerWithoutCondaIsSentNothing() async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["PATH"] = "/usr/bin:/bin"
            home.variables["HOME"] = home.base
            try home.write("job.yaml", Self.job)
            try home.write("environment.yml", "dependencies: [python=3.11]\n")
            for options in [[], ["-q"], ["--on", "any"]] {
                let refused = try await home.run(["run", "-f", "job.yaml"] + options)
                #expect(refused.code == 125)
                #expect(
                    refused.errorText.contains("micromamba, mamba or conda"),
                    "\(refused.errorText)")
                #expect(refused.errorText.contains("\nhint: "))
            }
        }
    }

    @Test(
        arguments: [
            ("dependencies: [python]\nvariables: {A: b}\n", "under `env`"),
            ("name: x\n", "no `dependencies`"),
            ("- a\n", "no mapping"),
            ("dependencies: [{pip: [-r other.txt]}]\n", "`-r other.txt`"),
            ("dependencies: [a\n", "environment.yml"),
        ])
    func aFileThatSaysMoreThanCanBeDoneIsRefusedAtOnce(_ text: String, _ word: String) async throws
    {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.job)
            try home.write("environment.yml", text)
            let refused = try await home.run(["run", "-f", "job.yaml"])
            #expect(refused.code == 125)
            expectRemedy(refused, naming: word)
            #expect(try await home.jobs().isEmpty)
        }
    }

    @Test func anEnvironmentFileUnderPythonIsPointedElsewhere() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", "run: 'true'\nenvironment: {python: environment.yml}\n")
            let refused = try await home.run(["run", "-f", "job.yaml"])
            #expect(refused.code == 125)
            #expect(refused.errorText.contains("goes under `conda`"), "\(refused.errorText)")
        }
    }
}
