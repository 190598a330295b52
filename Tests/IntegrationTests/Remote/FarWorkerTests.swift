import Foundation
import Lab
import Testing

/// A worker that is 50 ms and 100 Mbit/s away.
@Suite(.serialized, .enabled(if: geteuid() == 0, RemoteLab.reason), .sharedWorker)
struct FarWorkerTests {
    private func far(_ lab: RemoteLab) {
        lab.host.relay.setDelay(.milliseconds(25))
        lab.host.relay.setRate(bitsPerSecond: 100_000_000)
    }

    @Test func muchOutputArrivesByteForByte() async throws {
        try await RemoteLab.shared { lab in
            far(lab)
            let outcome = try await lab.run(
                "sh", "-c",
                "head -c 20000000 /dev/urandom >data; cat data; sha256sum <data >&2",
                options: ["-q"])
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.output.count == 20_000_000)
            let placed = try Data(contentsOf: URL(fileURLWithPath: lab.home.path("data")))
            #expect(placed == outcome.output)
            let digest = try await lab.home.shell("sha256sum <data")
            #expect(digest.text == outcome.errorText)
        }
    }

    @Test func manyFilesGoThereAndComeBack() async throws {
        try await RemoteLab.shared { lab in
            try lab.home.write(
                "make.py",
                """
                import os, sys
                for number in range(5000):
                    path = f"{sys.argv[1]}/{number % 50}/{number}"
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "w") as file:
                        file.write(f"{number} " * (number % 300))
                """)
            let list = "find . -path '*/[0-9]*' -type f | LC_ALL=C sort | xargs sha256sum"
            let made = try await lab.home.shell("python3 make.py in; cd in; \(list)")
            #expect(made.code == 0, "\(made.errorText)")
            far(lab)
            let outcome = try await lab.run(
                "sh", "-c", "python3 make.py out; cd in; \(list)", options: ["-q"])
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == made.text)
            let back = try await lab.home.shell(list, cwd: lab.home.path("out"))
            #expect(back.text == made.text)
            #expect(back.text.split(separator: "\n").count == 5_000)

            // Unchanged, next to nothing goes over the link again.
            let up = lab.host.relay.counts.bytesUp
            let again = try await lab.run("true", options: ["-q"])
            #expect(again.code == 0, "\(again.errorText)")
            #expect(lab.host.relay.counts.bytesUp - up < 1 << 20)
        }
    }
}
