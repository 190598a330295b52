import Foundation
import Testing
import Lab

/// A job that can tell how often it was run and what of its output arrived: it appends a line to a
/// file outside of its directory when it starts, prints numbered lines, writes files, and ends with
/// a code of its own.
struct CountingJob {
    let home: ShuntHome
    var lines = 150
    var files = 40
    let code: Int32 = 7
    /// Where the job writes a line for each time that it starts: its pid.
    var mark: String
    /// Where the test finds it; `nil` for the same path.
    var seen: String?

    /// - Parameter directory: where the job, which may run as another account, can write its mark;
    ///   the test's own unless given.
    init(_ home: ShuntHome, marksIn directory: String? = nil) throws {
        self.home = home
        mark = "\(directory ?? home.base)/starts-\(UInt64.random(in: 0...UInt64.max))"
        try home.write(
            "count.py",
            """
            import os, sys, time
            with open(sys.argv[1], "a") as mark:
                mark.write(f"{os.getpid()}\\n")
            for number in range(int(sys.argv[2])):
                print(f"line {number}", flush=True)
                if number % 3 == 0:
                    print(f"error {number}", file=sys.stderr, flush=True)
                time.sleep(0.007)
            os.mkdir("out")
            for number in range(int(sys.argv[3])):
                with open(f"out/{number}", "w") as file:
                    file.write("x" * 5000 + str(number))
            sys.exit(\(code))
            """)
    }

    var command: [String] { ["python3", "count.py", mark, "\(lines)", "\(files)"] }

    /// The pids of the job's starts, one for each.
    var starts: [pid_t] {
        // Not written yet is the same as empty.
        let text = (try? String(contentsOfFile: seen ?? mark, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { pid_t($0) }
    }

    var expectedOutput: String { (0..<lines).map { "line \($0)\n" }.joined() }
    var expectedErrors: [String] {
        stride(from: 0, to: lines, by: 3).map { "error \($0)" }
    }

    func start(_ options: [String] = []) throws -> Command {
        try home.start(["run"] + options + ["--"] + command)
    }

    /// Starts it and waits until it has printed this line, which means that it runs.
    func start(_ options: [String] = [], untilLine line: Int) async throws -> Command {
        let run = try start(options)
        let runs = await eventually(within: .seconds(40)) {
            run.outputSoFar.contains("line \(line)\n") || run.hasEnded
        }
        #expect(runs && !run.hasEnded, "line \(line) never came: \(run.errorsSoFar)")
        return run
    }

    /// Expects what is true of a job that ran once and whose follower saw it to the end.
    ///
    /// - Parameter name: of the job, where it is not the home's latest.
    func expectRanOnce(
        _ outcome: Outcome, _ what: Comment, named name: String? = nil
    ) async throws {
        #expect(outcome.code == code, "\(what): \(outcome.errorText)")
        #expect(outcome.text == expectedOutput, what)
        #expect(outcome.errorLines.filter { $0.hasPrefix("error ") } == expectedErrors, what)
        #expect(starts.count == 1, what)
        var reference = name ?? ""
        if name == nil { reference = try await home.latestJob() }
        let view = try await home.inspect(reference)
        #expect(view["state"].string == "failed", what)
        #expect(view["exit_code"].int == Int(code), what)
        for number in 0..<files {
            let text = try home.read("out/\(number)")
            #expect(text == String(repeating: "x", count: 5000) + "\(number)", what)
        }
    }
}
