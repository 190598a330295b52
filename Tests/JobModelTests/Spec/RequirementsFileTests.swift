import Testing

@testable import JobModel

struct RequirementsFileTests {
    @Test(
        arguments: [
            "-r other.txt", "-rother.txt", "--requirement other.txt", "--requirement=other.txt",
            "  -c limits.txt", "--constr limits.txt", "-e .", "-e git+https://host/x", "-e./pkg",
            "--editable=.",
            "-f ./wheels", "-f wheels", "-f./wheels", "--find-links wheels",
            "--find-links=/srv/wheels",
            "--find ./wheels", "-i ./index", "--index-url /srv/index", "--extra-index-url=../i",
            ".", "./pkg", "../pkg[extra]", "/srv/pkg", "~/pkg", "wheels/six.whl", "six.whl",
            "six-1.16.0.tar.gz ; python_version > '3'", "file:///srv/six.whl", "FILE:six.whl",
            "six@file:///srv/six.whl", "six @ file:six.whl", "six[x] @file:six.whl",
            "six @ ./six.whl", "six@wheels/six.whl", "git+file:///srv/repo",
            "-i file:///srv/index", "six --hash=sha256:ab\n-r other.txt",
            "six\r\n-r other.txt\r\n", "six \\\n-r\nother\n-r \\\nother.txt", "\u{e9}\n-r o.txt",
        ])
    func aLineThatLeadsToAnotherFileIsRefusedAndShown(_ text: String) {
        let error = #expect(throws: ShuntError.self) {
            try RequirementsFile.check(Array(text.utf8))
        }
        #expect(error?.message.contains("points at another file") == true)
        #expect(error?.hint?.isEmpty == false)
    }

    @Test(
        arguments: [
            "", "\n", "# -r other.txt", "six # -r other.txt", "six==1.16.0", "six>=1,<2",
            "six[a,b]~=1.0 ; python_version < '3.12'", "profile:x", "six-file",
            "-i https://host/simple", "--index-url=https://user:pw@host/simple",
            "--extra-index-url https://host/a/b", "-f https://host/wheels/",
            "--find-links=https://host/w.html", "--no-index", "--pre", "--require-hashes",
            "--trusted-host host", "--only-binary :all:", "--prefer-binary",
            "six @ https://host/six-1.16.0-py2.py3-none-any.whl",
            "https://host/six-1.16.0.tar.gz", "git+https://host/repo.git@main#egg=x",
            "git+ssh://git@host/repo.git", "x @ git+https://host/a@v1",
            "six==1.16.0 \\\n    --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771",
            "torch==2.4.1+cpu", "zope.interface", "ruamel.yaml.clib>=0.2",
        ])
    func whatComesFromAnIndexOrAURLPasses(_ text: String) throws {
        try RequirementsFile.check(Array(text.utf8))
    }

    @Test func bytesThatAreNoUTF8AreReadAsFarAsTheyCanBe() throws {
        try RequirementsFile.check(Array("# caf".utf8) + [0xe9] + Array("\nsix\n".utf8))
        #expect(throws: ShuntError.self) {
            try RequirementsFile.check(Array("# caf".utf8) + [0xe9] + Array("\n-r o.txt\n".utf8))
        }
        // UTF-16, which `pip` reads.
        #expect(throws: ShuntError.self) {
            try RequirementsFile.check([0xff, 0xfe] + "-r o".utf8.flatMap { [$0, 0] })
        }
    }
}
