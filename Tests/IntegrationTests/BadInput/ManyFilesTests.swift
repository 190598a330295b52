import Foundation
import Testing

/// As many files as a data set has.
@Suite struct ManyFilesTests {
    private static let make = """
        import os
        for d in range(400):
            os.makedirs('data/%03d' % d)
            for i in range(500):
                with open('data/%03d/%d' % (d, i), 'w') as f: f.write(str(i % 100))
        """

    @Test func twoHundredThousandFilesComeThrough() async throws {
        try await ShuntHome.use { home in
            try Self.make.write(
                toFile: home.base + "/make.py", atomically: false, encoding: .utf8)
            let made = try await home.shell("python3 ../make.py")
            try #require(made.code == 0, "\(made.errorText)")
            let count = "find data -type f | wc -l; cat data/*/499 | wc -c"
            let submitted = try await home.run(
                [
                    "submit", "-q", "--output", "count.txt", "--", "sh", "-c",
                    "{ \(count); } >count.txt",
                ], within: .seconds(120))
            try #require(submitted.code == 0, "\(submitted.errorText)")
            let job = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            let waited = try await home.run(["wait", job], within: .seconds(120))
            #expect(waited.text == "0\n", "\(waited.errorText)")
            let pulled = try await home.run("pull", "-q", job)
            #expect(pulled.code == 0, "\(pulled.errorText)")
            #expect(try home.read("count.txt") == "200000\n800\n")
        }
    }
}
