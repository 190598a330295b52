import Foundation
import Testing

/// Images that a registry gives out.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct RegistryTests {
    @Test func anImageIsPulledOnceAndItsDigestIsRecorded() async throws {
        try await ContainerHome.use { home in
            try await Registry.use(home) { registry, home in
                let name = registry.address + "/marked:1"
                let id = try await registry.push("marked:1", from: home)
                let options = ["run", "--image", name, "--", "/answer"]
                let first = try await home.run(options, within: .seconds(120))
                #expect(first.text == "42\n", "\(first.errorText)")
                #expect(first.errorText.contains("pulling the image `\(name)`"))
                let view = try await home.inspect(home.latestJob())
                #expect(view["image"]["id"].string == id)
                let digest = try #require(view["image"]["digest"].string)
                let shown = try await home.run("inspect", home.latestJob()).text
                #expect(shown.contains("\(name), sha256:\(digest)"), "\(shown)")
                // As the registry calls it.
                let head = try await TestImage.shell(
                    "curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json' "
                        + "http://\(registry.address)/v2/marked/manifests/1")
                #expect(head.lowercased().contains("docker-content-digest: sha256:\(digest)"))
                let second = try await home.run(options, within: .seconds(120))
                #expect(second.text == "42\n", "\(second.errorText)")
                #expect(!second.errorText.contains("pulling"))
                try await expectRemovable(name, id, home)
            }
        }
    }

    /// Listed and removed as environments are, and nothing else of podman's.
    private func expectRemovable(_ name: String, _ id: String, _ home: ShuntHome) async throws {
        let listed = try JSON(parsing: try await home.run("env", "ls", "-o", "json").output)
        #expect(listed.items.count == 1, "\(listed)")
        let key = try #require(listed[0]["key"].string)
        #expect(key == "image-marked-1-\(id.prefix(12))")
        #expect(listed[0]["in_use"] == .bool(false))
        #expect((listed[0]["size_bytes"].int ?? 0) > 100_000)
        let removed = try await home.run("env", "rm", key)
        #expect(removed.text == key + "\n", "\(removed.errorText)")
        let left = try await TestImage.shell("podman image exists \(id) && echo there || true")
        #expect(left.isEmpty)
        let none = try JSON(parsing: try await home.run("env", "ls", "-o", "json").output)
        #expect(none.items.isEmpty)
        try await TestImage.shell("podman image exists \(TestImage.name)")
        let again = try await home.run("env", "rm", key)
        #expect(again.code != 0)
        expectRemedy(again, naming: key)
    }
}
