import Foundation
import Lab
import Testing

/// A conda of the package index, and a channel of packages that are made here. The last conda that
/// the index has (4.3.16) wants Python 3.6; it is the real program all the same, with its solver,
/// its cache and its links.
enum RealConda {
    static let reason: Comment = "the conda of the package index takes Python 3.6"

    /// Of a Python 3.6; `nil` where there is none.
    private static let python: String? = {
        let versions = NSHomeDirectory() + "/.pyenv/versions"
        // Without pyenv there are no versions of it.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []
        let candidates = names.filter { $0.hasPrefix("3.6.") }.map {
            "\(versions)/\($0)/bin/python"
        }
        return (candidates + ["/usr/bin/python3.6", "/usr/local/bin/python3.6"])
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    static var isPossible: Bool { python != nil }

    /// Runs a test with the conda of its suite in the `PATH` of the home, with a cache there, no
    /// channel that conda has by itself, and one in `base/channel`.
    static func use(_ body: (ShuntHome) async throws -> Void) async throws {
        guard let tool = SharedConda.directory else { throw HarnessError("no .sharedConda") }
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["PATH"] = tool + "/bin:" + (home.environment()["PATH"] ?? "")
            home.variables["CONDA_PKGS_DIRS"] = home.base + "/packages"
            home.variables["CONDARC"] = home.base + "/condarc"
            try home.write("../condarc", "default_channels: []\n")
            try home.write("../channel.py", channel)
            let made = try await home.shell("/usr/bin/python3 ../channel.py \(home.base)")
            try #require(made.code == 0, "\(made.errorText)")
            try await body(home)
        }
    }

    /// Puts conda into the `base/conda` of a home.
    fileprivate static func install(_ home: ShuntHome) async throws -> String {
        let tool = home.base + "/conda"
        try home.write("../start.py", programs)
        let made = try await home.shell(
            """
            set -e
            \(python ?? "python3.6") -m venv \(tool)
            \(tool)/bin/pip install -q conda==4.3.16 pycosat requests 'ruamel.yaml<0.15'
            python3 ../start.py \(tool)
            """, within: .seconds(240))
        try #require(made.code == 0, "\(made.errorText)")
        return tool
    }

    /// What conda's installer would have put there, in place of what `pip` has.
    private static let programs = """
        import os, sys
        for name, module in ("conda", "conda.cli.main"), ("conda-env", "conda_env.cli.main"):
            path = "%s/bin/%s" % (sys.argv[1], name)
            with open(path, "w") as file:
                file.write("#!%s/bin/python\\nimport sys\\nfrom %s import main\\n"
                           "sys.argv[0] = 'conda'\\nsys.exit(main())\\n" % (sys.argv[1], module))
            os.chmod(path, 0o755)
        """

    /// `greet` in two versions, and a Python with `pip` that is a virtual environment of the
    /// system's.
    private static let channel = #"""
        import bz2, hashlib, json, os, shutil, subprocess, sys, tarfile

        base, records = sys.argv[1], {"linux-64": {}, "noarch": {}}

        def package(name, version, tree, depends, subdir):
            files = []
            for place, folders, names in os.walk(tree):
                links = [one for one in folders if os.path.islink(os.path.join(place, one))]
                files += [os.path.relpath(os.path.join(place, one), tree) for one in names + links]
            files.sort()
            index = {"name": name, "version": version, "build": "0", "build_number": 0,
                     "depends": depends, "subdir": subdir}
            if subdir == "noarch":
                index["noarch"] = "generic"
            os.makedirs(tree + "/info")
            listing = "\n".join(files) + "\n"
            for entry, text in ("index.json", json.dumps(index)), ("files", listing):
                with open(tree + "/info/" + entry, "w") as file:
                    file.write(text)
            archive = "%s-%s-0.tar.bz2" % (name, version)
            path = "%s/channel/%s/%s" % (base, subdir, archive)
            with tarfile.open(path, "w:bz2") as tar:
                for one in files + ["info/index.json", "info/files"]:
                    tar.add(tree + "/" + one, one, recursive=False)
            with open(path, "rb") as file:
                data = file.read()
            index.update(md5=hashlib.md5(data).hexdigest(), size=len(data))
            records[subdir][archive] = index

        def program(path, text):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, 0o755)

        for subdir in records:
            os.makedirs("%s/channel/%s" % (base, subdir))
        for version in "1.0", "2.0":
            tree = base + "/made/greet" + version
            program(tree + "/bin/greet", "#!/bin/sh\necho greetings %s\n" % version)
            package("greet", version, tree, [], "noarch")
        tree, pip = base + "/made/python", base + "/made/pip"
        subprocess.check_call([sys.executable, "-m", "venv", tree])
        name = "%d.%d" % sys.version_info[:2]
        packages = "/lib/python%s/site-packages/" % name
        for one in os.listdir(tree + "/bin"):
            if not one.startswith("python"):
                os.remove(tree + "/bin/" + one)
        os.path.islink(tree + "/lib64") and os.remove(tree + "/lib64")
        os.makedirs(pip + packages)
        for one in os.listdir(tree + packages):
            shutil.move(tree + packages + one, pip + packages + one)
        program(pip + "/bin/pip", "import sys\nfrom pip._internal.cli.main import main\n"
                                  "sys.exit(main())\n")
        package("python", name + ".0", tree, [], "linux-64")
        package("pip", "1.0", pip, ["python"], "linux-64")
        for subdir, packages in records.items():
            text = json.dumps({"info": {"subdir": subdir}, "packages": packages}).encode()
            for name, data in ("repodata.json", text), ("repodata.json.bz2", bz2.compress(text)):
                with open("%s/channel/%s/%s" % (base, subdir, name), "wb") as file:
                    file.write(data)
        """#
}

/// The conda of a suite, which takes as long to install as its tests.
struct SharedConda: SuiteTrait, TestScoping {
    @TaskLocal static var directory: String?

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await ShuntHome.use { home in
            let tool = try await RealConda.install(home)
            try await Self.$directory.withValue(tool) { try await function() }
        }
    }
}

extension Trait where Self == SharedConda {
    static var sharedConda: Self { SharedConda() }
}

/// Serves a directory on a free loopback port for as long as a test runs.
final class FileServer: Sendable {
    let command: Command
    let address: String

    init(_ directory: String, _ home: ShuntHome) async throws {
        let words = ["/usr/bin/python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
        let command = try Command(
            words.map { Array($0.utf8) }, directory: directory, environment: home.environment())
        self.command = command
        // `Serving HTTP on 127.0.0.1 port 45123 (http://127.0.0.1:45123/) ...`
        func said() -> String? {
            let words = command.outputSoFar.split { "()".contains($0) }
            return words.first { $0.hasPrefix("http://") }.map { String($0.dropLast()) }
        }
        let isUp = await eventually { said() != nil }
        guard isUp, let address = said() else {
            command.signal(SIGKILL)
            throw HarnessError("no server: \(command.errorsSoFar)")
        }
        self.address = address
    }

    deinit { command.signal(SIGKILL) }
}
