import JobModel
import Testing

@Suite struct ReleaseTests {
    @Test func releasesAreComparedByTheirNumbers() {
        #expect(Release.isNewer("0.10.0", than: "0.9.9"))
        #expect(Release.isNewer("1.0.0", than: "0.10.0"))
        #expect(!Release.isNewer("0.1.0", than: "0.1.0"))
        #expect(!Release.isNewer("0.0.9", than: "0.1.0"))
        for word in ["", "later", "1.0", "1.0.0.0", "1.0.x"] {
            #expect(!Release.isNewer(word, than: "0.1.0"))
        }
    }
}
