import Foundation
import Testing
import Lab

/// What does not fit waits, and says why; what can never fit is refused.
@Suite struct ResourceTests {
    @Test func jobsThatNeedAllOfTheMachineRunOneAfterTheOther() async throws {
        try await ShuntHome.use { home in
            let all = ["--cpus", "\(ProcessInfo.processInfo.activeProcessorCount)"]
            let gate = home.base + "/go"
            // Each says when it begins and ends; the first one waits for the test.
            let trace = home.base + "/trace"
            let first = try await home.submit(
                "sh", "-c",
                "echo 1+ >>\(trace); while [ ! -e \(gate) ]; do sleep 0.05; done; "
                    + "echo 1- >>\(trace)", options: all)
            let second = try await home.submit(
                "sh", "-c", "echo 2+ >>\(trace); echo 2- >>\(trace)", options: all)
            let waits = try await eventually {
                try await home.run("ps").text.split(separator: "\n")
                    .contains { $0.hasPrefix(second) && $0.contains("queued: ") }
            }
            #expect(waits)
            #expect(try await home.inspect(second)["waiting"] != .null)
            #expect(FileManager.default.createFile(atPath: gate, contents: nil))
            let waited = try await home.run("wait", first, second)
            #expect(waited.code == 0, "\(waited.text)\(waited.errorText)")
            let text = try String(contentsOfFile: trace, encoding: .utf8)
            #expect(text == "1+\n1-\n2+\n2-\n")
        }
    }

    @Test func jobLargerThanTheMachineIsRefusedWithAHint() async throws {
        try await ShuntHome.use { home in
            // The coordinator knows its worker once it has one: a first job makes sure.
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            for size in [["--cpus", "1000"], ["--memory", "60TiB"]] {
                let outcome = try await home.run(
                    ["submit"] + size + ["--", "touch", home.base + "/ran"])
                #expect(outcome.code == 5, "\(size): \(outcome.errorText)")
                #expect(outcome.text.isEmpty)
                #expect(outcome.errorText.contains("hint: "))
            }
            #expect(!FileManager.default.fileExists(atPath: home.base + "/ran"))
        }
    }
}
