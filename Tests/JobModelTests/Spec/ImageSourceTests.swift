import JobModel
import Testing

@Suite struct ImageSourceTests {
    @Test(arguments: [
        ("python:3.11-slim", ImageSource.named("python:3.11-slim")),
        ("ghcr.io/a/b@sha256:ab", .named("ghcr.io/a/b@sha256:ab")),
        (".", .containerfile("")), ("./Containerfile", .containerfile("Containerfile")),
        ("./docker/gpu", .containerfile("docker/gpu")), ("oci:images/a", .layout("images/a")),
        ("docker-archive:x.tar", .archive("x.tar")), ("local:train", .local("train")),
    ])
    func whatAPersonWritesIsReadAndWrittenTheSame(_ text: String, _ source: ImageSource) {
        #expect(ImageSource(text) == source)
        #expect(source.text == text)
    }

    @Test(arguments: [
        ("oci:./images/a", ImageSource.layout("images/a")),
        ("docker-archive:./x.tar", .archive("x.tar")),
    ])
    func aPathMayBeginWithADot(_ text: String, _ source: ImageSource) {
        #expect(ImageSource(text) == source)
    }

    /// A path that leads out of the job, and what an engine would take for a flag.
    @Test(arguments: [
        "", "./", "./..", "./a/../b", "./a//b", "oci:", "oci:../x", "oci:/x", "local:",
        "local:--help", "docker-archive:", "oci:./", "oci:./../x", "--privileged", "-v", "a b",
        "a\u{0}b", "a;b", "/etc",
    ])
    func whatNamesNoImageIsNotTaken(_ text: String) {
        #expect(ImageSource(text) == nil)
    }

    @Test(
        arguments: [
            ("python:3.11-slim", "python"),
            ("docker.io/library/python", "docker.io/library/python"),
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("a/b@sha256:01", "a/b"), ("a/b:1@sha256:01", "a/b"),
        ])
    func aPinnedImageIsAskedForByItsManifest(_ name: String, _ repository: String) {
        let image = PinnedImage(id: Sample.digest(1), manifest: Sample.digest(2))
        #expect(image.name(in: name) == "\(repository)@sha256:\(Sample.digest(2).hex)")
        #expect(PinnedImage(id: image.id).name(in: name) == nil)
    }
}
