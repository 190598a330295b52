import Foundation

/// An image with a Python in it that comes from no registry: Debian's packages in an archive that
/// is made once for a checkout, and given to an account's podman from there.
actor TestImage {
    static let shared = TestImage()
    static let name = "localhost/shunt-test:1"
    static let reason = "a container takes root, podman, runc and debootstrap"

    /// Whether this machine has what the tests of containers need.
    static let isPossible =
        geteuid() == 0
        && ["podman", "runc", "debootstrap"].allSatisfy { name in
            ["/usr/bin/", "/usr/sbin/"].contains {
                FileManager.default.isExecutableFile(atPath: $0 + name)
            }
        }

    /// How podman runs inside of other containers too, where limits cannot be raised.
    static let configuration = """
        [containers]
        default_ulimits = ["nofile=10000:10000", "nproc=5000:5000"]
        [engine]
        runtime = "runc"

        """

    private static let archive = ShuntHome.packageRoot + "/.build/test-image.tar"
    private var imported: Task<Void, any Error>?

    /// Makes sure that root's podman has it.
    func require() async throws {
        let task = imported ?? Task { try await Self.importIt() }
        imported = task
        try await task.value
    }

    /// Makes sure that root's podman has an image of nothing but `/answer`, which prints 42 after
    /// as many seconds as it is told: one that is written, sent and read in no time.
    static func small() async throws -> String {
        try await shell(
            """
            set -e
            podman image exists \(smallName) && exit
            work=$(mktemp -d /tmp/shunt-test-image-XXXXXX)
            trap 'rm -rf "$work"' EXIT
            cd "$work"
            cat >answer.c <<'END'
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            int main(int count, char **words) {
                if (count > 1) sleep(atoi(words[1]));
                return puts("42") < 0;
            }
            END
            cc -static -s -o answer answer.c
            printf 'FROM scratch\nCOPY answer /answer\n' >Containerfile
            podman build --quiet --tag \(smallName) .
            """)
        return smallName
    }

    private static let smallName = "localhost/shunt-test-small:2"

    /// The archive, which any account can read and import.
    func file() async throws -> String {
        try await require()
        return Self.archive
    }

    /// Gives the image the name of another one for as long as something is done, unless podman has
    /// that one.
    static func withName(_ name: String, _ body: () async throws -> Void) async throws {
        let isThere = try await shell("podman image exists \(name) && echo there || true")
        guard isThere.isEmpty else { return try await body() }
        try await shell("podman tag \(Self.name) \(name)")
        do {
            try await body()
        } catch {
            try await shell("podman untag \(Self.name) \(name)")
            throw error
        }
        try await shell("podman untag \(Self.name) \(name)")
    }

    private static func importIt() async throws {
        let manager = FileManager.default
        if !manager.fileExists(atPath: archive) {
            try await shell(
                """
                set -e
                work=$(mktemp -d /tmp/shunt-test-image-XXXXXX)
                trap 'rm -rf "$work"' EXIT
                debootstrap --variant=minbase --include=python3 bookworm "$work/root"
                rm -rf "$work"/root/var/cache/apt/* "$work"/root/var/lib/apt/lists/*
                tar -C "$work/root" -cf "$work/image.tar" .
                mv "$work/image.tar" '\(archive)'
                """)
        }
        try await shell(
            "podman image exists \(name) || podman import --quiet '\(archive)' \(name)")
    }

    /// Runs a line as root. What goes wrong is the test's failure, in the words of the program.
    @discardableResult
    static func shell(_ line: String) async throws -> String {
        let configuration = try ContainerHome.writeConfiguration(
            to: NSTemporaryDirectory() + "/shunt-test-containers.conf")
        let environment = ProcessInfo.processInfo.environment
            .merging(["CONTAINERS_CONF": configuration]) { $1 }
        let outcome = try await Command(
            ["/bin/sh", "-c", line].map { Array($0.utf8) }, directory: "/",
            environment: environment
        ).outcome(within: .seconds(600))
        guard outcome.code == 0 else {
            throw HarnessError("`\(line)` ended with \(outcome.code): \(outcome.errorText)")
        }
        return outcome.text
    }
}
