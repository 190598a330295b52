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

    @Test func whatDoesNotAnswerLikeAPythonIsRefused() throws {
        let directory = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        for answer in ["", "3.11", "3.11.2\n/no/such/python"] {
            let program = directory + "/python3"
            try Files.write(Array("#!/bin/sh\nprintf '\(answer)'\n".utf8), to: program)
            chmod(program, 0o755)
            #expect(throws: ShuntError.self) {
                try PythonInterpreter(asking: program, output: directory + "/answer")
            }
        }
    }
}
