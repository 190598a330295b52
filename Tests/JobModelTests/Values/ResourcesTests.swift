import Foundation
import Testing

@testable import JobModel

struct ResourcesTests {
    @Test func bothKindsHaveToFit() {
        let free = Resources(milliCPUs: 2000, memory: .gibibytes(4))
        #expect(Resources(milliCPUs: 2000, memory: .gibibytes(4)).fits(in: free))
        #expect(!Resources(milliCPUs: 2001, memory: .zero).fits(in: free))
        #expect(!Resources(milliCPUs: 1, memory: .gibibytes(5)).fits(in: free))
    }

    @Test func whatRemainsIsNeverNegative() {
        let rest =
            Resources(milliCPUs: 1000, memory: .gibibytes(1))
            - Resources(milliCPUs: 3000, memory: .gibibytes(2))
        #expect(rest == .none)
    }

    @Test(
        arguments: [
            (1000, 0, "1 CPU"), (2000, 8, "2 CPUs, 8.0 GiB"), (500, 0, "0.5 CPU"),
            (1500, 0, "1.5 CPUs"), (0, 0, "0 CPUs"),
        ] as [(Int64, Int64, String)])
    func peopleReadCPUs(_ milliCPUs: Int64, _ gibibytes: Int64, _ text: String) {
        let resources = Resources(milliCPUs: milliCPUs, memory: .gibibytes(gibibytes))
        #expect(resources.description == text)
    }

    @Test func negativeAmountsInJSONAreRefused() throws {
        for json in [
            #"{"milli_cpus":-1,"memory_bytes":0}"#, #"{"milli_cpus":1,"memory_bytes":-1}"#,
        ] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode(Resources.self, from: Data(json.utf8))
            }
        }
        let resources = Resources(milliCPUs: 1500, memory: .mebibytes(3))
        let back = try JSONDecoder().decode(
            Resources.self, from: try JSONEncoder().encode(resources))
        #expect(back == resources)
    }
}
