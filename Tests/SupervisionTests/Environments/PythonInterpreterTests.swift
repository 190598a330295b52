@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// Which Python an environment is built with.
@Suite struct PythonInterpreterTests {
    @Test func aShimIsNotTheInterpreterThatItStarts() throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let shim = directory + "/python3"
        try Files.write(Array("#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n".utf8), to: shim)
        chmod(shim, 0o755)
        let found = try PythonInterpreter(asking: shim, output: directory + "/answer")
        #expect(found.executable == "/usr/bin/python3")
        #expect(found.identity == PythonInterpreter.identity(of: "/usr/bin/python3"))
        #expect(found.identity != PythonInterpreter.identity(of: shim))
        #expect(access(directory + "/answer", F_OK) != 0)
    }

    /// pyenv has a shim for each version, and only that of the chosen one starts anything; a login
    /// that is none has neither it nor `~/.local/bin` in its `PATH`.
    @Test func whatVersionManagersInstalledIsFoundAndTheirShimsAreNotBelieved() throws {
        let home = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(home) }
        func program(_ path: String, _ text: String) throws {
            let words = path.split(separator: "/").dropLast()
            for count in 1...words.count {
                mkdir(home + "/" + words.prefix(count).joined(separator: "/"), 0o755)
            }
            try Files.write(Array("#!/bin/sh\n\(text)\n".utf8), to: home + "/" + path)
            chmod(home + "/" + path, 0o755)
        }
        for version in ["3.7", "3.8", "3.9"] {
            try program(".pyenv/shims/python\(version)", "exit 127")
        }
        for version in ["3.7.1", "3.8.2"] {
            let name = ".pyenv/versions/\(version)/bin/python" + version.prefix(3)
            try program(name, "echo \(version); echo \(home)/\(name); echo cpython")
        }
        try program(
            ".pyenv/versions/pypy/bin/python3.8", "echo 3.8.9; echo /bin/sh; echo pypy")
        try program(".local/share/uv/python/cpython-3.6.4/bin/python3.6", "exit 1")
        try program(".local/bin/uv", "exit 0")
        let names = ["HOME", "PATH", "PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"]
        let before = names.map { (name: String) in getenv(name).map { String(cString: $0) } }
        defer {
            for (name, value) in zip(names, before) {
                if let value { setenv(name, value, 1) } else { unsetenv(name) }
            }
        }
        for name in names { unsetenv(name) }
        setenv("HOME", home, 1)
        setenv("PATH", home + "/.pyenv/shims", 1)
        let tools = BuildToolSearch.look()
        #expect(tools.pythons.map(\.description) == ["3.6", "3.7", "3.8"])
        #expect(tools.hasUV)
        var search = PythonSearch(directory: home)
        #expect(try search.find(PythonRange(">=3.7,<3.9")) == search.find(PythonRange("3.8")))
        let found = try search.find(PythonRange("3.8"))
        guard case .interpreter(let interpreter) = found else {
            Issue.record("\(found)")
            return
        }
        #expect(interpreter.version == "3.8.2")
        #expect(interpreter.executable == home + "/.pyenv/versions/3.8.2/bin/python3.8")
        // The one that does not answer is none, and `uv` may fetch another.
        let fetched = try search.find(PythonRange("3.6"))
        #expect(fetched == .fromUV(PythonVersion(major: 3, minor: 6)))
    }

    @Test func whatDoesNotAnswerLikeAPythonIsRefused() throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        for answer in ["", "3.11", "3.11.2\n/no/such/python\ncpython"] {
            let program = directory + "/python3"
            try Files.write(Array("#!/bin/sh\nprintf '\(answer)'\n".utf8), to: program)
            chmod(program, 0o755)
            #expect(throws: ShuntError.self) {
                try PythonInterpreter(asking: program, output: directory + "/answer")
            }
        }
    }
}
