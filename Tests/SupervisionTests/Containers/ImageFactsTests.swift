@testable internal import AgentService
internal import JobModel
internal import Testing

/// What engines say of their images.
@Suite struct ImageFactsTests {
    private static let id = String(repeating: "1a", count: 32)
    private static let manifest = String(repeating: "2b", count: 32)

    @Test(
        arguments: [
            "\(id) 167 sha256:\(manifest)", "sha256:\(id) 167 [\"a/b@sha256:\(manifest)\"]",
            "a warning\n\(id) 167 sha256:\(manifest)\n",
        ])
    func podmanAndDockerAreBothUnderstood(_ text: String) throws {
        let facts = try #require(ImageFacts(text))
        #expect(facts.image.id.hex == Self.id)
        #expect(facts.image.manifest?.hex == Self.manifest)
        #expect(facts.size == ByteCount(167))
    }

    @Test(arguments: ["\(id) 167 []", "\(id) 167 "])
    func anImageThatNoRegistryGaveHasNoManifest(_ text: String) throws {
        #expect(try #require(ImageFacts(text)).image.manifest == nil)
    }

    @Test(arguments: ["", "no such image", "sha256:12 4 5"])
    func whatIsNoAnswerIsNone(_ text: String) { #expect(ImageFacts(text) == nil) }

    @Test func keysAreReadableAndSafe() throws {
        let image = PinnedImage(id: try #require(Digest(hex: Self.id)))
        let named = ImageOrigin.registry(name: "127.0.0.1:5000/a/B_c:3.11-slim", pinned: nil)
        #expect(named.key(image) == "image-B-c-3.11-slim-1a1a1a1a1a1a")
        let built = ImageOrigin.build(
            tag: "localhost/shunt-build:0123", context: "/", file: "Containerfile", shown: ".")
        #expect(built.key(image) == "image-build-1a1a1a1a1a1a")
    }

    /// Of podman's own words, as it prints them into a file.
    @Test func whatWasPulledOnTheWayIsKnown() {
        let text = """
            STEP 1/2: FROM docker.io/library/python:3.11
            Trying to pull docker.io/library/python:3.11...
            Getting image source signatures
            """
        let answer = EngineCommand.Answer(ending: .exited(0), text: text)
        #expect(answer.pulled == ["docker.io/library/python:3.11"])
    }
}
