import Foundation
import Testing

/// The virtual environment in which `shunt` is started goes along with the job.
@Suite struct CaptureTests {
    private static let packages = [
        "six==1.16.0", "idna==3.4", "packaging==23.1", "certifi==2023.7.22", "click==8.1.6",
        "colorama==0.4.6", "iniconfig==2.0.0", "pluggy==1.2.0", "toml==0.10.2", "attrs==23.1.0",
        "zipp==3.16.2", "urllib3==2.0.4",
    ]

    private static let versions = """
        import importlib.metadata as m, lab_tools
        rows = sorted((d.metadata["Name"].lower(), d.version) for d in m.distributions())
        print(rows, lab_tools.ANSWER)
        """

    /// Makes `../venv` with these packages, and with the project in `../tools` as an editable one.
    private static func makeEnvironment(_ home: ShuntHome, _ packages: [String]) async throws {
        try home.write(
            "../tools/pyproject.toml",
            """
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "Lab.Tools"
            version = "0.5"
            [tool.setuptools]
            py-modules = ["lab_tools"]
            """)
        try home.write("../tools/lab_tools.py", "ANSWER = 42\n")
        let list = packages.joined(separator: " ")
        let made = try await home.shell(
            "python3 -m venv ../venv && ../venv/bin/pip install -q \(list) -e ../tools",
            within: .seconds(240))
        try #require(made.code == 0, "\(made.errorText)")
    }

    @Test func theSameVersionsAreThereAndTheSecondRunBuildsNothing() async throws {
        try await ShuntHome.use { home in
            try await Self.makeEnvironment(home, Self.packages)
            try home.write("versions.py", Self.versions)
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            let here = try await home.shell("../venv/bin/python versions.py")
            try #require(here.code == 0, "\(here.errorText)")
            let first = try await home.run(
                ["run", "--", "python", "versions.py"], env: active, within: .seconds(240))
            #expect(first.code == 0, "\(first.errorText)")
            #expect(first.text == here.text)
            #expect(
                first.errorText.contains("(15 packages, Python ")
                    && first.errorText.contains("to be built"), "\(first.errorText)")
            // Another program and a cleaner environment are another job, not another environment.
            let second = try await home.run(
                ["run", "--", "python", "-c", "import sys; print(sys.prefix)"], env: active)
            #expect(second.code == 0, "\(second.errorText)")
            #expect(second.errorText.contains("is there"), "\(second.errorText)")
            #expect(!second.errorText.contains("building"), "\(second.errorText)")
            #expect(second.text.hasPrefix(home.root + "/agent/environments/"))
            let built = try Self.builds(home)
            #expect(built.count == 1, "\(built)")
            // What the editable project says is content as well.
            try home.write("../tools/lab_tools.py", "ANSWER = 43\n")
            let third = try await home.run(
                ["run", "-q", "--", "python", "versions.py"], env: active, within: .seconds(240))
            #expect(third.text.hasSuffix(" 43\n"), "\(third.errorText)")
        }
    }

    /// As `pip install -e .` leaves it, for packages in `src` and for modules at the top. Neither a
    /// change of the code nor what a job wrote beside it is another environment.
    @Test(arguments: [true, false])
    func anEditableInstallOfTheJobsOwnDirectoryIsBuiltOnce(_ hasSourceDirectory: Bool) async throws
    {
        try await ShuntHome.use { home in
            let place = hasSourceDirectory ? "src/own/__init__.py" : "own.py"
            try home.write(
                "pyproject.toml",
                """
                [build-system]
                requires = ["setuptools"]
                build-backend = "setuptools.build_meta"
                [project]
                name = "own-code"
                version = "0.1"
                [project.scripts]
                own-train = "own:train"
                \(hasSourceDirectory ? "" : "[tool.setuptools]\npy-modules = [\"own\"]")
                """)
            func write(_ answer: Int) throws {
                try home.write(
                    place,
                    """
                    import importlib.metadata, os, sys
                    def train():
                        open("model-\(answer)", "w").close()
                        print(\(answer), importlib.metadata.version("own-code"), sys.prefix)
                    """)
            }
            try write(1)
            let made = try await home.shell(
                "python3 -m venv ../venv && ../venv/bin/pip install -q -e .",
                within: .seconds(240))
            try #require(made.code == 0, "\(made.errorText)")
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            // The program of the package, and the package, from another directory.
            let command = ["run", "--", "sh", "-c", "own-train; cd /; python -c 'import own'"]
            let first = try await home.run(command, env: active, within: .seconds(240))
            #expect(first.code == 0, "\(first.errorText)")
            #expect(first.text.hasPrefix("1 0.1 \(home.root)/agent/"), "\(first.text)")
            #expect(home.exists("model-1"))
            try write(2)
            let second = try await home.run(command, env: active)
            #expect(second.text.hasPrefix("2 0.1 \(home.root)/agent/"), "\(second.errorText)")
            #expect(second.errorText.contains("is there"), "\(second.errorText)")
            #expect(try Self.builds(home).count == 1)
        }
    }

    /// The agent reaches no index; what its environments are made of comes with the job.
    @Test func aWorkerWithoutAnIndexIsSentWheels() async throws {
        try await ShuntHome.use { home in
            try await Self.makeEnvironment(home, ["six==1.16.0", "markupsafe==2.1.3"])
            try home.write("versions.py", Self.versions)
            let here = try await home.shell("../venv/bin/python versions.py")
            let nowhere = ["PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"]
            #expect(try await home.run(["ps"], env: nowhere).code == 0)
            try home.write(
                "job.yaml", "run: python versions.py\nenvironment: {offline: true}\n")
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            let failing = try await home.run(
                ["run", "--", "true"], env: active, within: .seconds(180))
            #expect(failing.code == 125, "\(failing.errorText)")
            let limit = Duration.seconds(240)
            let first = try await home.run(["run", "-f", "job.yaml"], env: active, within: limit)
            #expect(first.code == 0, "\(first.errorText)")
            #expect(first.text == here.text)
            let second = try await home.run(["run", "-f", "job.yaml"], env: active, within: limit)
            #expect(second.errorText.contains("is there"), "\(second.errorText)")
            try home.write("requirements.txt", "packaging==23.1\n")
            try home.write(
                "file.yaml",
                """
                run: python -c 'import packaging; print(packaging.__version__)'
                environment: {python: requirements.txt, offline: true}
                """)
            let third = try await home.run(["run", "-f", "file.yaml"], within: limit)
            #expect(third.text == "23.1\n", "\(third.errorText)")
        }
    }

    @Test func noCaptureLeavesTheEnvironmentHere() async throws {
        try await ShuntHome.use { home in
            let made = try await home.shell(
                "python3 -m venv ../venv && ../venv/bin/pip install -q toml==0.10.2",
                within: .seconds(180))
            try #require(made.code == 0, "\(made.errorText)")
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            let command = ["--", "python3", "-c", "import sys; print(sys.prefix)"]
            try home.write(
                "off.yaml",
                "run: \(#"[python3, -c, "import sys; print(sys.prefix)"]"#)\n"
                    + "environment: {capture: false}\n")
            // What is asked for in so many words is not left out in silence.
            try home.write(
                "on.yaml", "run: [python3, -c, '1']\nenvironment: {capture: true}\n")
            let none = try await home.run(["run", "-f", "on.yaml"], env: ["VIRTUAL_ENV": ""])
            expectRefused(none, code: 125, naming: ["capture: true", "and none is"])
            for arguments in [["--no-capture"] + command, ["-f", "off.yaml"]] {
                let outcome = try await home.run(["run", "-q"] + arguments, env: active)
                #expect(outcome.code == 0, "\(outcome.errorText)")
                #expect(!outcome.text.contains("environments"), "\(outcome.text)")
            }
            let job = try await home.inspect(try await home.latestJob())
            #expect(job["spec"]["software"]["recipe"]["kind"].string == nil)
            let plan = try await home.run(["run", "--dry-run", "--", "true"], env: active)
            #expect(plan.text.contains("3 packages, Python 3."), "\(plan.text)\(plan.errorText)")
            #expect(plan.text.contains("to be built"), "\(plan.text)")
            #expect(try Self.builds(home).isEmpty)
        }
    }

    @Test func whatHasNoCounterpartIsNamedAndThePinThatIsNowhereShowsPipsWords() async throws {
        try await ShuntHome.use { home in
            let made = try await home.shell("python3 -m venv --without-pip ../venv")
            try #require(made.code == 0, "\(made.errorText)")
            let found = try await home.shell("ls -d ../venv/lib/python3*/site-packages")
            let packages = found.text.trimmingCharacters(in: .whitespacesAndNewlines)
            func install(_ name: String, _ version: String, _ direct: String?) throws {
                let directory = "\(packages)/\(name)-\(version).dist-info"
                try home.write(
                    directory + "/METADATA",
                    "Metadata-Version: 2.1\nName: \(name)\nVersion: \(version)\n")
                if let direct { try home.write(directory + "/direct_url.json", direct) }
            }
            try install(
                "gone", "1.0",
                #"{"url": "file:///nowhere/gone-1.0-py3-none-any.whl","#
                    + #" "archive_info": {}}"#)
            try install("six", "999.999", nil)
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            let outcome = try await home.run(
                ["run", "--", "true"], env: active, within: .seconds(180))
            #expect(outcome.code == 125)
            #expect(
                outcome.errorText.contains("gone: was installed from `/nowhere/gone-1.0"),
                "\(outcome.errorText)")
            #expect(outcome.errorText.contains("environment failed"), "\(outcome.errorText)")
            #expect(outcome.errorText.contains("999.999"), "\(outcome.errorText)")
            #expect(try Self.builds(home).isEmpty)
        }
    }

    @Test func anEnvironmentWithoutItsPythonIsSaidAtOnce() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run(
                ["run", "--", "true"], env: ["VIRTUAL_ENV": home.base + "/nothing"])
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "/nothing`", "no Python")
            #expect(try await home.jobs().isEmpty)
        }
    }

    private static func builds(_ home: ShuntHome) throws -> [String] {
        let directory = home.root + "/agent/environments"
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter {
            FileManager.default.fileExists(atPath: "\(directory)/\($0)/bin/python")
        }
    }
}
