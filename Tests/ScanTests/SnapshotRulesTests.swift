import JobModel
import Testing

@testable import ContentStore

/// What stays out of a snapshot, and what the plan is told of it.
@Suite struct SnapshotRulesTests {
    private let bench = ScanBench()

    private func paths(_ change: (inout SnapshotOptions) -> Void = { _ in }) throws -> [String] {
        let store = try bench.store()
        return try bench.paths(bench.take(store, change), in: store)
    }

    @Test func withoutAnIgnoreFileTheBuiltInsStayOut() throws {
        for path in [
            "train.py", "data/a.csv", ".gitignore", ".git/HEAD", "node_modules/x/y",
            "src/__pycache__/m.pyc", "venv-any-name/pyvenv.cfg", "venv-any-name/lib/x",
            "env/conda-meta/history", "env/bin/python",
        ] {
            bench.work.write(path, "x")
        }
        bench.work.write(".gitignore", "data/\n")
        #expect(try paths() == [".gitignore", "data", "data/a.csv", "src", "train.py"])
        // The excluded environments must not make the cache differ each time.
        let store = try bench.store()
        #expect(try bench.settle(store).totals.files == 3)
    }

    @Test func anIgnoreFileRulesAloneButForGit() throws {
        bench.work.write(".shuntignore", "*.tmp\n/out\n!.git\n")
        for path in [".git/HEAD", "sub/.git", "node_modules/x", "a.tmp", "out/x", "sub/out/x"] {
            bench.work.write(path, "x")
        }
        #expect(
            try paths() == [
                ".shuntignore", "node_modules", "node_modules/x", "sub", "sub/out", "sub/out/x",
            ])
    }

    @Test func ignoreFilesNest() throws {
        bench.work.write(".shuntignore", "*.log\nsub/secret/*\n")
        bench.work.write("sub/.shuntignore", "!keep.log\n/top\n")
        for path in [
            "a.log", "sub/keep.log", "sub/b.log", "sub/top", "sub/deep/top", "sub/deep/keep.log",
            "sub/secret/x", "keep.log",
        ] {
            bench.work.write(path, "x")
        }
        #expect(
            try paths() == [
                ".shuntignore", "sub", "sub/.shuntignore", "sub/deep", "sub/deep/keep.log",
                "sub/deep/top", "sub/keep.log", "sub/secret",
            ])
    }

    @Test func theRootIsNeverTakenForAnEnvironment() throws {
        bench.work.write("pyvenv.cfg", "x")
        bench.work.write("train.py", "x")
        #expect(try paths() == ["pyvenv.cfg", "train.py"])
    }

    @Test func credentialFilesAreLeftOutAndListed() throws {
        for path in [".env", ".env.example", "keys/id_rsa", ".aws/credentials", ".ssh/config"] {
            bench.work.write(path, "x")
        }
        let store = try bench.store()
        let result = try bench.take(store)
        #expect(
            result.credentials.map { "\($0.path)\($0.isDirectory ? "/" : "")" } == [
                ".aws/credentials", ".env", ".ssh/", "keys/id_rsa",
            ])
        #expect(try bench.paths(result, in: store) == [".aws", ".env.example", "keys"])
    }

    @Test func aNegatedPatternThatNamesACredentialSendsIt() throws {
        bench.work.write(".shuntignore", "*\n!.env\n!/keys/\n!*.pem\n!.shuntignore\n")
        for path in [".env", "keys/a.pem", "keys/id_rsa", "x"] { bench.work.write(path, "x") }
        #expect(try paths() == [".env", ".shuntignore", "keys", "keys/a.pem"])
    }

    @Test func aSweepingNegationSendsNoCredentials() throws {
        bench.work.write(".shuntignore", "*.tmp\n!*\n!/**\n")
        for path in [".env", "x"] { bench.work.write(path, "x") }
        let result = try bench.take(try bench.store())
        #expect(result.credentials.map(\.path) == [".env"])
    }

    @Test func anExplicitIncludeSendsAFileOrAWholeDirectory() throws {
        for path in [".env", "a/.env", ".ssh/config", ".ssh/id_rsa"] { bench.work.write(path, "x") }
        #expect(
            try paths { $0.includedCredentials = [".env", ".ssh"] } == [
                ".env", ".ssh", ".ssh/config", ".ssh/id_rsa", "a",
            ])
    }

    @Test func anIgnoreFileThatCannotBeUsedIsNamed() throws {
        bench.work.write("sub/.shuntignore", [UInt8](repeating: 10, count: 2 << 20))
        let error = #expect(throws: ShuntError.self) { try bench.dryRun() }
        #expect(error?.message.contains("sub/.shuntignore") == true)
    }
}
