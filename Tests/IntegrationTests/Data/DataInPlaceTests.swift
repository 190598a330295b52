import Foundation
import Lab
import Testing

/// Data that lies on a worker is found read-only under the working directory, and neither sent nor
/// read to be compared.
@Suite(.serialized) struct DataInPlaceTests {
    /// A directory of data on this machine, declared for `local`.
    private func declare(
        _ home: ShuntHome, as name: String = "corpus", options: [String] = []
    ) async throws -> String {
        let path = home.base + "/data of \(name)"
        try FileManager.default.createDirectory(
            atPath: path + "/deep", withIntermediateDirectories: true)
        try Data("one\n".utf8).write(to: URL(fileURLWithPath: path + "/one"))
        try Data("two\n".utf8).write(to: URL(fileURLWithPath: path + "/deep/two"))
        let outcome = try await home.run(
            ["worker", "data", "local", "\(name)=\(path)"] + options)
        try #require(outcome.code == 0, "\(outcome.errorText)")
        #expect(outcome.text.contains("2 files, 8 B"), "\(outcome.text)")
        return path
    }

    @Test func aJobReadsItAndCannotWrite() async throws {
        try await ShuntHome.use { home in
            let path = try await declare(home)
            try home.write("job.py", "")
            let script = """
                cat in/data/one in/data/deep/two; echo x 2>/dev/null >in/data/new || echo read-only
                rm -f in/data/one 2>/dev/null || echo stays; echo made >made
                """
            let outcome = try await home.run(
                ["run", "-q", "--mount", "in/data/=corpus", "--", "sh", "-c", script])
            #expect(outcome.text == "one\ntwo\nread-only\nstays\n", "\(outcome.errorText)")
            #expect(outcome.code == 0)
            #expect(FileManager.default.fileExists(atPath: path + "/one"))
            #expect(!FileManager.default.fileExists(atPath: path + "/new"))
            // What comes back is what the job made, and not even the place of the mount.
            #expect(
                try await home.shell("find . | LC_ALL=C sort").text == ".\n./job.py\n./made\n")
            let view = try await home.inspect(home.latestJob())
            #expect(view["bytes_sent"].int == 0)
            #expect(view["outputs"]["file_count"].int == 1)
            let data = view["data"][0]
            #expect(data["dataset"].string == "corpus")
            #expect(data["method"].string == "mount")
            #expect(data["source"].string == path)
            #expect(data["fingerprint"]["files"].int == 2)
            #expect(data["fingerprint"]["size_bytes"].int == 8)
            #expect(data["fingerprint"]["complete"] == .bool(true))
        }
    }

    private func fingerprint(_ home: ShuntHome) async throws -> String? {
        let outcome = try await home.run("run", "-q", "--mount", "data=corpus", "--", "true")
        #expect(outcome.code == 0, "\(outcome.errorText)")
        return try await home.inspect(home.latestJob())["data"][0]["fingerprint"]["digest"].string
    }

    @Test func theFingerprintChangesWithNamesSizesAndTimesAndWithNothingElse() async throws {
        try await ShuntHome.use { home in
            let path = try await declare(home)
            let first = try await fingerprint(home)
            #expect(first != nil)
            #expect(try await home.shell("cat '\(path)'/* 2>/dev/null").text == "one\n")
            #expect(try await fingerprint(home) == first)
            var seen = [first]
            for change in ["mv one uno", "echo more >>uno", "touch -d '2001-01-01' deep/two"] {
                #expect(try await home.shell(change, cwd: path).code == 0)
                seen.append(try await fingerprint(home))
            }
            #expect(Set(seen).count == 4, "\(seen)")
        }
    }

    /// A directory of the same name here is a sample, or a link to what is mounted there.
    @Test func whatStandsAtItsPlaceHereIsLeftOut() async throws {
        try await ShuntHome.use { home in
            _ = try await declare(home)
            try home.write("data/sample", "small\n")
            try home.write("job.yaml", "run: ls data\nmounts: {data/: corpus}\n")
            let outcome = try await home.run("run", "-q")
            #expect(outcome.text == "deep\none\n", "\(outcome.errorText)")
            #expect(try await home.shell("cat data/sample").text == "small\n")
        }
    }

    @Test func aSingleFileCanBeMounted() async throws {
        try await ShuntHome.use { home in
            let file = home.base + "/corpus.bin"
            try Data("bytes\n".utf8).write(to: URL(fileURLWithPath: file))
            #expect(try await home.run("worker", "data", "local", "bin=\(file)").code == 0)
            let outcome = try await home.run(
                ["run", "-q", "--mount", "a/b=bin", "--", "sh", "-c", "cat a/b; echo x >>a/b"])
            #expect(outcome.text == "bytes\n")
            #expect(outcome.code != 0)
            #expect(try await home.shell("cat '\(file)'; ls").text == "bytes\n")
        }
    }

    /// As on a rented machine that is itself a container: no account there may mount.
    @Test func whereNothingCanBeMountedALinkIsMadeAndDeclared() async throws {
        try await ShuntHome.use { home in
            // Coordinator and agent are started by the first command, and inherit what it may.
            let filter = ShuntHome.packageRoot + "/.build/debug/old-kernel --without-namespaces"
            #expect(try await home.shell("\(filter) '\(ShuntHome.binary)' worker ls").code == 0)
            let path = try await declare(home)
            let outcome = try await home.run(
                [
                    "run", "-q", "--mount", "data=corpus", "--", "sh", "-c",
                    "cat data/one; readlink data",
                ])
            #expect(outcome.text == "one\n\(path)\n", "\(outcome.errorText)")
            #expect(try await home.shell("ls").text.isEmpty)
            let job = try await home.latestJob()
            #expect(try await home.inspect(job)["data"][0]["method"].string == "link")
            let text = try await home.run("inspect", job).text
            #expect(text.contains("this worker cannot keep the job from writing to it"), "\(text)")
        }
    }

    @Test func whatIsDeclaredIsListedAndTakenBack() async throws {
        try await ShuntHome.use { home in
            let path = try await declare(home, options: ["--label", "private"])
            let listed = try JSON(
                parsing: try await home.run("worker", "data", "local", "-o", "json").output)
            #expect(listed[0]["name"].string == "corpus")
            #expect(listed[0]["path"].string == path)
            #expect(listed[0]["labels"][0].string == "private")
            // It is durable: another coordinator knows it.
            #expect(try await home.run("coordinator", "stop").code == 0)
            #expect(try await home.run("worker", "data", "local").text.contains("private"))
            #expect(try await home.run("worker", "data", "local", "--rm", "corpus").code == 0)
            let after = try await home.run("worker", "data", "local", "-o", "json")
            #expect(try JSON(parsing: after.output).items.isEmpty)
            expectRefused(
                try await home.run("worker", "data", "local", "--rm", "corpus"), code: 3,
                naming: ["corpus"])
        }
    }

    @Test(.enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
    func aJobInAContainerReadsItAndCannotWrite() async throws {
        try await ContainerHome.use { home in
            let path = try await declare(home)
            let outcome = try await home.runInContainer(
                ["sh", "-c", "cat data/one; touch data/x || echo read-only; echo made >made"],
                options: ["-q", "--mount", "data=corpus"])
            #expect(outcome.text == "one\nread-only\n", "\(outcome.errorText)")
            #expect(!FileManager.default.fileExists(atPath: path + "/x"))
            #expect(try await home.shell("ls").text == "made\n")
            let view = try await home.inspect(home.latestJob())
            #expect(view["data"][0]["method"].string == "mount")
        }
    }

    // MARK: Bad input

    @Test func mistakesAreNamed() async throws {
        try await ShuntHome.use { home in
            _ = try await declare(home)
            try home.write("file", "in the way\n")
            let refused: [([String], Int32, String)] = [
                (["run", "--mount", "file/data=corpus", "--", "true"], 125, "`file`"),
                (["run", "--mount", "data=none", "--", "true"], 125, "none"),
                (["run", "--mount", "../data=corpus", "--", "true"], 125, "../data"),
                (["run", "--mount", "corpus", "--", "true"], 125, "PATH=DATASET"),
                (
                    ["run", "--mount", "a=corpus", "--mount", "a/b=corpus", "--", "true"], 125,
                    "a/b"
                ),
                (["run", "--mount", "a=corpus", "--mount", "a=corpus", "--", "true"], 125, "`a`"),
                (["worker", "data", "local", "x=relative"], 2, "relative"),
                (["worker", "data", "local", "x=/no/such/place"], 3, "/no/such/place"),
                (["worker", "data", "nobody", "x=/tmp"], 3, "nobody"),
            ]
            for (arguments, code, name) in refused {
                expectRefused(try await home.run(arguments), code: code, naming: [name])
            }
            try home.write("job.yaml", "run: echo no\nmounts: {a: corpus, a/b: corpus}\n")
            expectRefused(try await home.run("run"), code: 125, naming: ["job.yaml", "a/b"])
            #expect(try await home.run("ps", "-a", "-q").text.isEmpty)
        }
    }

    @Test func dataThatHasGoneEndsTheJobBeforeItStarts() async throws {
        try await ShuntHome.use { home in
            let path = try await declare(home)
            try FileManager.default.removeItem(atPath: path)
            let outcome = try await home.run("run", "-q", "--mount", "data=corpus", "--", "true")
            expectRefused(outcome, code: 125, naming: ["corpus", path])
            let view = try await home.inspect(home.latestJob())
            #expect(view["state"].string == "failed")
            #expect(view["started_at"] == .null)
            let check = try await home.run("worker", "check", "local")
            #expect(check.code == 1)
            #expect(check.text.contains("wrong: corpus: "), "\(check.text)")
        }
    }
}
