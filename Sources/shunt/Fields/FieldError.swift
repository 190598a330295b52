internal import JobModel

/// A value that a person wrote and that does not do, whether in a flag or in a job file: who asks
/// for the value knows where it stands, who checks it knows only what is wrong.
struct FieldError: Error, Hashable {
    /// Completes `NAME: …`: `wants a number of CPUs from 0.001 to 1024, found `many``.
    var problem: String
    /// A value that would do, as a shell reads it.
    var example: String

    init(_ problem: String, example: String) {
        self.problem = problem
        self.example = example
    }

    /// The error of a flag.
    func asFlag(_ flag: String, of command: String) -> ShuntError {
        ShuntError(
            .usage, "`\(flag)` \(problem)",
            hint: "shunt \(command) \(flag) \(example) -- true")
    }
}
