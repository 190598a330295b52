import Foundation
import Lab
import Testing

/// A worker that reaches nothing: its sshd runs in a network namespace of its own, without a route,
/// and is spoken to over the standard streams of a `ProxyCommand`.
@Suite(.enabled(if: geteuid() == 0, "a network namespace takes root")) struct OfflineWorkerTests {
    @Test func packagesAreFetchedHereWithoutBeingAsked() async throws {
        try await Self.useWorker { lab in
            let home = lab.home
            let shown = try await home.run(["worker", "check", lab.name])
            #expect(shown.text.contains("no route to a package index"), "\(shown.text)")
            let view = try await lab.worker()
            #expect(view["facts"]["reaches_out"] == .bool(false), "\(view)")
            #expect(view["tools"]["reaches_out"] == .bool(false), "\(view)")

            try home.write("requirements.txt", "six==1.16.0\n")
            try home.write(
                "job.yaml",
                """
                run: |
                  python -c 'import six; print(six.__version__)'
                  grep -vc Iface /proc/net/route || true
                environment: {python: requirements.txt}
                """)
            let first = try await home.run(
                ["run", "--on", lab.name, "-f", "job.yaml"], within: .seconds(180))
            #expect(first.text == "1.16.0\n0\n", "\(first.errorText)")
            #expect(
                first.errorText.contains("packages: fetched here as wheels, since `\(lab.name)`"),
                "\(first.errorText)")
            let second = try await home.run(["run", "--on", lab.name, "-f", "job.yaml"])
            #expect(second.text == first.text, "\(second.errorText)")
            #expect(second.errorText.contains("nothing to send"), "\(second.errorText)")
            #expect(second.errorText.contains("is there"), "\(second.errorText)")
            // The same list is the same wheels: not even an index is needed here.
            let third = try await home.run(
                ["run", "-q", "--on", lab.name, "-f", "job.yaml"],
                env: ["PIP_INDEX_URL": "http://127.0.0.1:9/simple"])
            #expect(third.text == first.text, "\(third.errorText)")
            // Told to fetch them itself, the worker tries.
            let words = try home.read("job.yaml").replacingOccurrences(
                of: "requirements.txt}", with: "other.txt, offline: false}")
            try home.write("job.yaml", words)
            try home.write("other.txt", "six==1.16.0\n--retries 0\n")
            let alone = try await home.run(
                ["run", "--on", lab.name, "-f", "job.yaml"], within: .seconds(180))
            #expect(alone.code == 125, "\(alone.text)")
            #expect(!alone.errorText.contains("fetched here"), "\(alone.errorText)")
        }
    }

    /// Runs a test with a worker in a namespace.
    private static func useWorker(_ body: (RemoteLab) async throws -> Void) async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let name = "shunt-\(UInt32.random(in: 0...UInt32.max))"
            let made = try await lab.home.shell("ip netns add \(name)")
            try #require(made.code == 0, "\(made.errorText)")
            do {
                let configuration = lab.host.server.directory + "/sshd_config"
                let entry = lab.host.entry.adding(
                    "ProxyCommand ip netns exec \(name) /usr/sbin/sshd -i -f \(configuration)")
                try lab.configure([entry])
                try await lab.add(lab.name)
                try await body(lab)
            } catch {
                await remove(name, lab)
                throw error
            }
            await remove(name, lab)
        }
    }

    /// It goes once the last process in it has ended.
    private static func remove(_ namespace: String, _ lab: RemoteLab) async {
        // What stays is a name without a process.
        _ = try? await lab.home.shell("ip netns del \(namespace)")
    }
}
