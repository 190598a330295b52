import Foundation
import Testing

/// A job file and the flags that win over it.
@Suite struct JobFileTests {
    private static let file = """
        name: from-file
        run: [sh, -c, 'pwd; echo "$A $B"; echo "$SHUNT_JOB_NAME"']
        workdir: src
        env: {A: file, B: file}
        resources: {cpus: 1, memory: 64MiB}
        max_duration: 1m
        """

    @Test func theFileSaysHowTheJobRuns() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.file)
            try home.write("src/here.txt", "")
            let outcome = try await home.run("run", "-q", "-f", "job.yaml")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            let lines = outcome.text.split(separator: "\n").map(String.init)
            #expect(lines.count == 3)
            #expect(lines.first?.hasSuffix("/src") == true)
            #expect(lines.dropFirst() == ["file file", "from-file"])
        }
    }

    @Test func flagsWinOverTheFile() async throws {
        try await ShuntHome.use { home in
            try home.write("job.yaml", Self.file)
            try home.write("src/here.txt", "")
            let outcome = try await home.run(
                "run", "-q", "-f", "job.yaml", "--name", "flag", "-e", "A=flag", "--memory",
                "32MiB")
            #expect(outcome.text.hasSuffix("flag file\nflag\n"), "\(outcome.text)")
            let view = try await home.inspect("flag")
            #expect(view["name"].string == "flag")
            let command = try await home.run(
                "run", "-q", "-f", "job.yaml", "--", "sh", "-c", "echo other")
            #expect(command.text == "other\n")
        }
    }

    @Test func aDryRunStartsNothing() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run("run", "--dry-run", "--", "touch", "x")
            #expect(outcome.code == 0)
            #expect(!outcome.text.isEmpty)
            let listed = try await home.run("ps", "-a", "-o", "json").output
            #expect(try JSON(parsing: listed) == .list([]))
        }
    }

    @Test func everyCommandsHelpHasAnExample() async throws {
        try await ShuntHome.use { home in
            let commands = [
                ["run"], ["submit"], ["ps"], ["inspect"], ["wait"], ["logs"], ["cancel"], ["pull"],
                ["worker", "ls"], ["coordinator", "status"], ["coordinator", "stop"],
                ["coordinator", "serve"],
            ]
            for command in commands {
                let outcome = try await home.run(command + ["--help"])
                #expect(outcome.code == 0)
                #expect(outcome.text.contains("Example"), "\(command)")
            }
        }
    }
}
