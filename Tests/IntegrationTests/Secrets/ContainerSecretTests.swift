import Foundation
import Lab
import Testing

/// A job in a container has its secrets as any other has, and its engine never hears of them.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct ContainerSecretTests {
    @Test func theCommandHasThemAndTheEngineDoesNot() async throws {
        let trace = SecretTrace()
        try await ContainerHome.use { home in
            // The engine sets a variable of that name, which the secret takes the place of.
            let name = "container"
            let script = """
                \(SecretTrace.prove(name)); env | grep -c '^\(name)='
                sha256sum <"$SHUNT_SECRETS/\(name)"
                touch "$SHUNT_SECRETS/new" 2>/dev/null || echo read-only; sleep 1000
                """
            let id = try await home.submit(
                ["sh", "-c", script],
                options: ["--image", TestImage.name, "--secret", name], env: [name: trace.value])
            let proof = try await trace.proof(home)
            let expected = proof + "1\n" + proof + "read-only\n"
            let runs = try await eventually(within: .seconds(120)) {
                try await home.run("logs", id).text == expected
            }
            let logs = try await home.run("logs", id)
            #expect(runs, "\(logs.text) \(logs.errorText)")
            let containers = try await home.containers()
            let container = try #require(containers.first)
            let seen = try await TestImage.shell("podman inspect \(container)")
            #expect(seen.contains("SHUNT_TASK_TOKEN") && !trace.has(Data(seen.utf8)))
            let engine = ["/run/containers", "/var/lib/containers/storage/overlay-containers"]
            try await trace.expectNone(in: home, besides: engine, job: id)
            #expect(try await home.run("cancel", "--now", id).code == 0)
            #expect(try await home.run("wait", id).text.contains("137"))
            await trace.expectMemoryIsClear([home.memoryDirectory])
            try await home.expectNoContainers()
            try await trace.expectNone(in: home, besides: engine, job: id)
        }
    }
}
