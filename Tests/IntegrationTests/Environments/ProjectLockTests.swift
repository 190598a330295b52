import Foundation
import Testing

/// Projects with a `uv.lock`, with the `uv` of the package index.
@Suite struct ProjectLockTests {
    private static let project = """
        [project]
        name = "digits"
        version = "1"
        requires-python = ">=3.8"
        dependencies = ["six==1.16.0"]
        [dependency-groups]
        dev = ["idna==3.4"]
        """

    private static let job = """
        run: |
          python -c 'import importlib.metadata as m; print([d.name for d in m.distributions()])'
        environment: {python: uv.lock}
        """

    @Test func aProjectsLockIsInstalledWithoutTheProjectAndItsTools() async throws {
        try await ShuntHome.use { shared in
            var home = shared
            // As pip does it, `uv` trusts those whom the machine trusts.
            home.variables["UV_NATIVE_TLS"] = "true"
            let made = try await home.shell(
                "python3 -m venv ../tool && ../tool/bin/pip install -q uv", within: .seconds(240))
            try #require(made.code == 0, "\(made.errorText)")
            try home.write("pyproject.toml", Self.project)
            try home.write("job.yaml", Self.job)
            let locked = try await home.shell("../tool/bin/uv lock", within: .seconds(120))
            try #require(locked.code == 0, "\(locked.errorText)")
            // Without `uv` on the worker it is said before there is a job.
            if try await home.shell("command -v uv || ls ~/.local/bin/uv").code != 0 {
                let refused = try await home.run(["run", "-f", "job.yaml"])
                #expect(refused.code == 125)
                expectRemedy(refused, naming: "`uv`", "uv.lock")
                #expect(try await home.jobs().isEmpty)
                try await Self.runWithoutUV(home)
                _ = await home.kill9Everything()
            }
            let path = home.base + "/tool/bin:" + (home.environment()["PATH"] ?? "")
            let outcome = try await home.run(
                ["run", "-f", "job.yaml"], env: ["PATH": path], within: .seconds(180))
            #expect(outcome.text == "['six']\n", "\(outcome.errorText)")
            #expect(!outcome.errorText.contains("older than"), "\(outcome.errorText)")
            try await Self.runTheExample(home, path)
            // The lock is followed all the same: it is what was tried.
            try home.write(
                "pyproject.toml",
                Self.project.replacingOccurrences(of: "\"six==", with: "\"idna\", \"six=="))
            let stale = try await home.run(
                ["run", "-f", "job.yaml"], env: ["PATH": path], within: .seconds(180))
            #expect(stale.text == "['six']\n", "\(stale.errorText)")
            #expect(stale.errorText.contains("`uv.lock` is older than"), "\(stale.errorText)")
        }
    }

    /// `jobs/project`, as its README says.
    private static func runTheExample(_ shared: ShuntHome, _ path: String) async throws {
        var home = shared
        home.variables["PATH"] = path
        let example = home.base + "/project"
        try FileManager.default.copyItem(
            atPath: ShuntHome.packageRoot + "/jobs/project", toPath: example)
        let locked = try await home.shell("cd ../project && uv lock", within: .seconds(120))
        try #require(locked.code == 0, "\(locked.errorText)")
        let outcome = try await home.run(
            ["run", "-f", "job.yaml"], cwd: example, within: .seconds(180))
        #expect(outcome.text == "slope 3.02, intercept 1.86, numpy 2.2.6\n", "\(outcome.errorText)")
        #expect(FileManager.default.fileExists(atPath: example + "/fit.json"))
    }

    /// The worker has started without `uv`; the one here writes the lock out for it.
    private static func runWithoutUV(_ home: ShuntHome) async throws {
        let path = home.base + "/tool/bin:" + (home.environment()["PATH"] ?? "")
        try home.write(
            "list.yaml",
            """
            run: |
              python -c 'import importlib.metadata as m; print([d.name for d in m.distributions()])'
              grep -c sha256: $VIRTUAL_ENV/requirements.txt
            environment: {python: uv.lock}
            """)
        for (file, words) in [("list.yaml", ""), ("offline.yaml", ", offline: true")] {
            if file != "list.yaml" {
                let text = try home.read("list.yaml")
                try home.write(
                    file, text.replacingOccurrences(of: "uv.lock}", with: "uv.lock\(words)}"))
            }
            let outcome = try await home.run(
                ["run", "-f", file], env: ["PATH": path], within: .seconds(180))
            #expect(outcome.text.contains("'six'"), "\(outcome.errorText)")
            #expect(!outcome.text.contains("'idna'") && !outcome.text.contains("'digits'"))
            #expect(outcome.text.hasSuffix("\n2\n"), "\(outcome.text)")
            let job = try await home.inspect(try await home.latestJob())
            #expect(job["spec"]["software"]["recipe"]["kind"].string == "lock", "\(job)")
        }
    }

    @Test func aLockThatLeadsToAnotherDirectoryIsRefusedAtOnce() async throws {
        try await ShuntHome.use { home in
            try home.write("pyproject.toml", Self.project)
            try home.write("job.yaml", Self.job)
            try home.write(
                "uv.lock",
                "version = 1\n[[package]]\nname = \"lib\"\nsource = { editable = \"../lib\" }\n")
            let refused = try await home.run(["run", "-f", "job.yaml"])
            #expect(refused.code == 125)
            expectRemedy(refused, naming: "../lib", "uv.lock")
            #expect(try await home.jobs().isEmpty)
        }
    }
}
