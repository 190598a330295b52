import Foundation
import Testing

/// What a job writes and how it ends, as `shunt run` passes them on.
@Suite struct StreamTests {
    @Test func streamsStayApartAndTheCodeIsTheJobs() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run(
                "run", "-q", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
            #expect(outcome.code == 7)
            #expect(outcome.text == "out\n")
            #expect(outcome.errorText == "err\n")
        }
    }
}
