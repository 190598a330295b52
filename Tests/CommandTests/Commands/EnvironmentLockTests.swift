import Foundation
import JobModel
import Testing

@testable import shunt

@Suite struct EnvironmentLockTests {
    private static func lock(
        _ distributions: String, indexes: String = "[]", existing: Set<String> = []
    ) throws -> EnvironmentLock {
        let text = """
            {"python": "3.11", "implementation": "cpython", "indexes": \(indexes),
             "distributions": [\(distributions)]}
            """
        let captured = try JSONDecoder().decode(CapturedEnvironment.self, from: Data(text.utf8))
        return EnvironmentLock(captured) { existing.contains($0) }
    }

    @Test func whatComesFromAnIndexIsPinned() throws {
        let lock = try Self.lock(
            """
            {"name": "Zope.Interface", "version": "6.0", "where": "/v"},
            {"name": "attrs", "version": "23.1.0", "where": "/v", "direct": null}
            """)
        #expect(lock.pins == ["attrs==23.1.0", "zope-interface==6.0"])
        #expect(lock.sources.isEmpty)
        #expect(lock.gaps.isEmpty)
    }

    @Test func whatLiesHereGoesAlong() throws {
        let lock = try Self.lock(
            """
            {"name": "Lab_Tools", "version": "0.5", "where": "/v",
             "direct": {"url": "file:///home/ada/lab%20tools", "dir_info": {"editable": true}}},
            {"name": "old", "version": "1", "where": "/src/old", "source": "/src/old"},
            {"name": "wheel-of", "version": "1", "where": "/v",
             "direct": {"url": "file:///w/wheel_of-1-py3-none-any.whl", "archive_info": {}}}
            """, existing: ["/home/ada/lab tools", "/w/wheel_of-1-py3-none-any.whl"])
        #expect(
            lock.sources == [
                .init(distribution: "lab-tools", name: "lab-tools", path: "/home/ada/lab tools"),
                .init(distribution: "old", name: "old", path: "/src/old"),
                .init(
                    distribution: "wheel-of", name: "wheel_of-1-py3-none-any.whl",
                    path: "/w/wheel_of-1-py3-none-any.whl"),
            ])
        #expect(lock.count == 3)
        #expect(lock.gaps.isEmpty)
    }

    /// A wheel that was built anew under its old name is not what was tried here.
    @Test func anArchiveThatIsAnotherFileByNowIsAGap() throws {
        let same = String(repeating: "0", count: 64)
        let digest = try #require(Digest(hex: same))
        let digests = ["/w/a-1-py3-none-any.whl": digest, "/w/b-1-py3-none-any.whl": digest]
        let other = String(repeating: "1", count: 64)
        var lock = try Self.lock(
            """
            {"name": "a", "version": "1", "where": "/v", "direct":
             {"url": "file:///w/a-1-py3-none-any.whl",
              "archive_info": {"hash": "sha256=\(same)"}}},
            {"name": "b", "version": "1", "where": "/v", "direct":
             {"url": "file:///w/b-1-py3-none-any.whl", "archive_info": {"hash": "sha256=\(other)"}}}
            """, existing: Set(digests.keys))
        try lock.dropChanged { try #require(digests[$0]) }
        #expect(lock.sources.map(\.distribution) == ["a"])
        #expect(lock.gaps.count == 1 && lock.gaps[0].contains("another file by now"))
    }

    /// Its code comes with the job; what is built does not depend on it.
    @Test func anEditableInstallOfTheJobsDirectoryIsItsMetadataAlone() throws {
        let lock = try Self.lock(
            """
            {"name": "Own_Code", "version": "0.1", "where": "/v",
             "direct": {"url": "file:///home/ada/project", "dir_info": {"editable": true}},
             "live": {"paths": ["src", "."], "name": "own_code-0.1-py3-none-any.whl",
                      "wheel": "UEs="}},
            {"name": "six", "version": "1.16.0", "where": "/v"}
            """, existing: ["/home/ada/project"])
        #expect(lock.sources.isEmpty)
        #expect(lock.live.map(\.distribution) == ["own-code"])
        #expect(lock.live.first?.install.wheel == Data("PK".utf8))
        #expect(lock.importPaths == [".", "src"])
        #expect(lock.count == 2)
    }

    @Test func whatComesFromAnAddressKeepsIt() throws {
        let lock = try Self.lock(
            """
            {"name": "a", "version": "1", "where": "/v",
             "direct": {"url": "https://host/a.git", "subdirectory": "py",
                        "vcs_info": {"vcs": "git", "commit_id": "0123"}}},
            {"name": "b", "version": "1", "where": "/v",
             "direct": {"url": "https://host/b.whl", "archive_info": {"hash": "sha256=ab"}}}
            """)
        #expect(
            lock.pins == [
                "a @ git+https://host/a.git@0123#subdirectory=py",
                "b @ https://host/b.whl#sha256=ab",
            ])
    }

    @Test(arguments: [
        (#"{"name": "a", "version": null, "where": "/v"}"#, "a: has no version"),
        (#"{"name": null, "version": "1", "where": "/v"}"#, "without a name in `/v`"),
        (
            #"{"name": "a", "version": "1", "where": "/v", "direct": "#
                + #"{"url": "file:///gone", "dir_info": {}}}"#, "from `/gone`, which is gone"
        ),
        (
            #"{"name": "a", "version": "1", "where": "/v", "direct": "#
                + #"{"url": "https://h/a", "vcs_info": {"vcs": "git"}}}"#, "no commit"
        ),
        (
            #"{"name": "a", "version": "1", "where": "/v", "direct": "#
                + #"{"url": "https://me:secret@h/a.whl", "archive_info": {}}}"#, "only this machine"
        ),
        (
            #"{"name": "a", "version": "1", "where": "/usr", "system": true}"#,
            "the system's Python"
        ),
    ])
    func whatHasNoCounterpartIsNamed(_ distribution: String, _ words: String) throws {
        let lock = try Self.lock(distribution)
        #expect(lock.count == 0)
        #expect(lock.gaps.count == 1)
        #expect(lock.gaps.first?.contains(words) == true, "\(lock.gaps)")
        #expect(lock.gaps.first?.contains("secret") == false)
    }

    /// The worker's `pip` is told where such a version comes from, but no password.
    @Test func aLocalVersionBringsTheIndexesThatPipKnowsHere() throws {
        let lock = try Self.lock(
            #"{"name": "torch", "version": "2.1.0+cpu", "where": "/v"}"#,
            indexes: #"["https://host/whl/cpu", "https://me:secret@host/simple"]"#)
        #expect(lock.pins == ["--extra-index-url https://host/whl/cpu", "torch==2.1.0+cpu"])
        #expect(lock.gaps == ["an index of `pip` that needs a login stays here"])
    }

    @Test func aLocalVersionOfAnIndexThatNobodyWroteDownIsNamed() throws {
        let lock = try Self.lock(
            """
            {"name": "torch", "version": "2.1.0+cpu", "where": "/v"},
            {"name": "own", "version": "1+dirty", "where": "/v", "source": "/src/own"}
            """)
        #expect(lock.gaps.isEmpty)
        #expect(lock.warnings.first?.hasPrefix("torch: a version with a `+`") == true)
        #expect(lock.pins == ["torch==2.1.0+cpu"])
    }

    @Test func whatTheSystemLendsIsOneLine() throws {
        let names = ["f", "e", "d", "c", "b", "a"]
        let lock = try Self.lock(
            names.map { "{\"name\": \"\($0)\", \"where\": \"/usr\", \"system\": true}" }
                .joined(separator: ", "))
        #expect(
            lock.gaps == [
                "a, b, c, d and 2 more: belong to the system's Python, which lends them here"
            ])
    }

    @Test func aProjectLockMayNameNothingButItself() throws {
        let fine = "[[package]]\nname = \"p\"\nsource = { virtual = \".\" }\n"
        try ProjectLock.check(Array(fine.utf8))
        try ProjectLock.check(Array("source = { registry = \"https://h/simple\" }\n".utf8))
        let error = #expect(throws: ShuntError.self) {
            try ProjectLock.check(Array("source = { editable = \"../lib\" }\n".utf8))
        }
        #expect(error?.message.contains("../lib") == true)
    }

    @Test func aVersionOfPythonIsItsFirstTwoNumbers() {
        #expect(PythonVersion("3.11.7") == PythonVersion(major: 3, minor: 11))
        for text in ["", "3", "3.", "3.x", "../3.1", "3.11;rm", "-3.1", "3.99999"] {
            #expect(PythonVersion(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        (">=3.8", ">=3.8"), (">=3.10, <3.13", ">=3.10,<3.13"), ("==3.12.*", "3.12"),
        ("~=3.11", ">=3.11"), ("~=3.11.2", "3.11"), (">=3.9.2, !=3.10.1, <=3.11", ">=3.9,<3.12"),
        (">3.9, <4", ">=3.9"), (">=3.9, <3.13.0", ">=3.9,<3.13"), (">=3.9, <3.11.4", ">=3.9,<3.12"),
        (">=3.10, >=3.11", ">=3.11"),
    ])
    func aProjectsLockNamesThePythonsThatWillDo(_ specifiers: String, _ range: String) throws {
        let lock = """
            version = 1
            requires-python = "\(specifiers)"

            [[package]]
            name = "a"
            requires-python = ">=3.99"
            """
        let found = try #require(ProjectLock.python(Array(lock.utf8)))
        #expect(found.description == range)
        #expect(PythonRange(range) == found)
    }

    @Test func aLockWithoutALowestPythonNamesNone() {
        for line in ["", "requires-python = \"<3.12\"", "[[package]]\nrequires-python = \">=3.8\""]
        {
            #expect(ProjectLock.python(Array(line.utf8)) == nil, "\(line)")
        }
    }
}
