import Foundation
import Lab
import Testing

/// The environment that is active here, on a worker behind SSH.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason)) struct RemoteEnvironmentTests {
    @Test func whatIsInstalledHereIsBuiltThereOnce() async throws {
        try await RemoteLab.use { lab in
            let home = lab.home
            try home.write(
                "../tools/setup.py",
                "from setuptools import setup\n"
                    + "setup(name='labtools', version='0.5', py_modules=['labtools'])\n")
            try home.write("../tools/labtools.py", "ANSWER = 42\n")
            let made = try await home.shell(
                "python3 -m venv ../venv && ../venv/bin/pip install -q six==1.15.0 -e ../tools",
                within: .seconds(240))
            try #require(made.code == 0, "\(made.errorText)")
            let active = ["VIRTUAL_ENV": home.base + "/venv"]
            let command = [
                "--on", lab.name, "--", "python", "-c",
                "import six, labtools; print(six.__version__, labtools.ANSWER)",
            ]
            let first = try await home.run(
                ["run"] + command, env: active, within: .seconds(240))
            #expect(first.text == "1.15.0 42\n", "\(first.errorText)")
            #expect(first.errorText.contains("to be built"), "\(first.errorText)")
            let second = try await home.run(["run"] + command, env: active)
            #expect(second.text == first.text, "\(second.errorText)")
            #expect(second.errorText.contains("nothing to send"), "\(second.errorText)")
            #expect(second.errorText.contains("is there"), "\(second.errorText)")
            let list = try await home.run("env", "ls", "--worker", lab.name)
            #expect(list.text.split(separator: "\n").count == 2, "\(list.text)\(list.errorText)")
            // The recipe went where nothing else of the job had to: a job in an empty directory.
            try FileManager.default.createDirectory(
                atPath: home.base + "/empty", withIntermediateDirectories: true)
            let third = try await home.run(
                ["run", "-q"] + command, cwd: home.base + "/empty", env: active)
            #expect(third.text == first.text, "\(third.errorText)")
            try await Self.goesWhereTheEnvironmentIs(lab)
            try await Self.goesWhereThePythonIs(lab, active)
        }
    }

    /// To any worker, with an environment that an administrator has made on one of them.
    private static func goesWhereTheEnvironmentIs(_ lab: RemoteLab) async throws {
        let home = lab.home
        // The account behind SSH cannot look into it.
        #expect(try await home.shell("mkdir -m 700 ../closed; mv ../venv ../closed/").code == 0)
        let path = home.base + "/closed/venv"
        for (name, found) in [("there", path), ("nowhere", "/no/such/environment")] {
            try home.write(
                "\(name).yaml", "run: python -c 'import six'\nenvironment: {existing: \(found)}\n")
        }
        let ran = try await home.run("run", "-q", "--on", "any", "-f", "there.yaml")
        #expect(ran.code == 0, "\(ran.errorText)")
        #expect(try await home.inspect(home.latestJob())["worker"].string == "local")
        let refused = try await home.run("run", "-q", "--on", "any", "-f", "nowhere.yaml")
        #expect(refused.code == 125)
        expectRemedy(refused, naming: "/no/such/environment", "`local`", "`\(lab.name)`")
        #expect(try await home.shell("mv ../closed/venv ../").code == 0)
    }

    /// To any worker, with a coordinator whose machine has every program but Python.
    private static func goesWhereThePythonIs(
        _ lab: RemoteLab, _ active: [String: String]
    ) async throws {
        var home = lab.home
        let made = try await home.shell(
            "shunt coordinator stop; mkdir ../bin && for file in /usr/bin/* /bin/*; do "
                + "case ${file##*/} in python*|uv) ;; *) ln -sf $file ../bin/;; esac; done")
        try #require(made.code == 0, "\(made.errorText)")
        home.variables["PATH"] = home.base + "/bin"
        for name in ["HOME", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"] {
            home.variables[name] = home.base + "/nowhere"
        }
        // Its agent is started anew as well.
        home.kill9([.agent])
        let words = ["run", "--on", "any", "--", "python", "-c", "import six"]
        let outcome = try await home.run(words, env: active)
        #expect(outcome.code == 0, "\(outcome.errorText)")
        let job = try await home.inspect(try await home.latestJob())
        #expect(job["worker"].string == lab.name, "\(job)")
        // For that worker alone it would have been its agent's word.
        let here = try await home.run(
            ["run", "--on", "local", "--", "python", "-c", "import six"], env: active)
        #expect(here.code == 125)
        #expect(here.errorText.contains("Python 3"), "\(here.errorText)")
    }
}
