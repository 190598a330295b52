internal import Testing

/// What the package manager would write for itself if it found no file of this name. To do so it
/// reads the index of every module, for tests of XCTest, of which there are none here; with this
/// file no index has to be made, an eighth of a build's time.
@main struct TestRunner {
    static func main() async { await Testing.__swiftPMEntryPoint() as Never }
}
