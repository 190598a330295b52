@testable internal import AgentService
internal import Glibc
internal import Testing

/// Whether an environment is still what was built.
@Suite struct EnvironmentSealTests {
    /// A directory that looks like a small environment, sealed.
    private static func withSealed(_ body: (_ root: String, EnvironmentSeal) throws -> Void) throws
    {
        let top = try TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(top) }
        let root = top + "/environment"
        for directory in ["", "/bin", "/lib", "/lib/six", "/lib/six/__pycache__"] {
            try #require(mkdir(root + directory, 0o700) == 0)
        }
        for file in [
            "/bin/pip", "/lib/six/__init__.py", "/lib/six/a.py", "/lib/top.py",
            "/lib/six/__pycache__/built.cpython-311.pyc",
        ] {
            try Files.write(Array(file.utf8), to: root + file)
        }
        try #require(symlink("lib", root + "/lib64") == 0)
        let seal = EnvironmentSeal(root: root)
        try seal.close()
        defer {
            for directory in ["", "/bin", "/lib", "/lib/six", "/lib/six/__pycache__"] {
                chmod(root + directory, 0o700)
            }
        }
        try body(root, seal)
    }

    /// As somebody who may.
    private static func write(_ text: String, to path: String) throws {
        chmod(path, 0o600)
        try Files.write(Array(text.utf8), to: path)
    }

    @Test func whatNobodyTouchedIsUnchanged() throws {
        try Self.withSealed { _, seal in
            #expect(seal.firstChange() == nil)
            #expect(seal.firstChange() == nil)
        }
    }

    @Test func bytecodeThatPythonCachesIsNoChange() throws {
        try Self.withSealed { root, seal in
            chmod(root + "/lib/six/__pycache__", 0o700)
            try Files.write([1], to: root + "/lib/six/__pycache__/a.cpython-311.pyc")
            mkdir(root + "/bin/__pycache__", 0o700)
            #expect(seal.firstChange() == nil)
        }
    }

    @Test func bytecodeOfTheBuildIsSealed() throws {
        try Self.withSealed { root, seal in
            let path = "lib/six/__pycache__/built.cpython-311.pyc"
            try Self.write("other", to: root + "/" + path)
            #expect(seal.firstChange() == path)
        }
    }

    @Test func aFileThatIsChangedAddedOrRemovedIsNamed() throws {
        try Self.withSealed { root, seal in
            try Self.write("/lib/six/b.py", to: root + "/lib/six/a.py")
            #expect(seal.firstChange() == "lib/six/a.py")
        }
        try Self.withSealed { root, seal in
            chmod(root + "/lib", 0o700)
            try Files.write([], to: root + "/lib/added.py")
            #expect(seal.firstChange() != nil)
        }
        try Self.withSealed { root, seal in
            chmod(root + "/lib/six", 0o700)
            unlink(root + "/lib/six/a.py")
            #expect(seal.firstChange() == "lib/six/a.py")
        }
        try Self.withSealed { root, seal in
            chmod(root, 0o700)
            unlink(root + "/lib64")
            symlink("/elsewhere", root + "/lib64")
            #expect(seal.firstChange() == "lib64")
        }
    }

    @Test func aChangeIsFoundThatHidesBehindAnOldTime() throws {
        try Self.withSealed { root, seal in
            let path = root + "/lib/six/a.py"
            var before = stat()
            #expect(stat(path, &before) == 0)
            var other = Array(try #require(SmallFile.text(path)).utf8)
            other[0] ^= 1
            chmod(path, 0o600)
            try Files.write(other, to: path)
            let times = [before.st_atim, before.st_mtim]
            #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
            chmod(path, before.st_mode & 0o7777)
            #expect(seal.firstChange() == "lib/six/a.py")
        }
    }

    @Test func onlyABuildLeavesASeal() throws {
        try Self.withSealed { root, seal in
            chmod(root, 0o700)
            try Self.write("", to: root + "/.shunt-seal")
            #expect(seal.firstChange() != nil)
            unlink(root + "/.shunt-seal")
            #expect(seal.firstChange() != nil)
        }
    }

    @Test func whatIsSealedIsReadOnly() throws {
        try Self.withSealed { root, _ in
            for path in ["", "/bin", "/bin/pip", "/lib/six", "/lib/six/a.py", "/.shunt-seal"] {
                var status = stat()
                try #require(lstat(root + path, &status) == 0)
                #expect(status.st_mode & 0o222 == 0, "\(path)")
            }
        }
    }
}
