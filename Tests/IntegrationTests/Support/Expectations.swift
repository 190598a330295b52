import Foundation
import Testing

/// Expects what every error has: one `error:` line, a `hint:` line, nothing on standard output.
///
/// - Parameter names: what the error line must name.
func expectRemedy(
    _ outcome: Outcome, naming names: String..., at location: SourceLocation = #_sourceLocation
) {
    let lines = outcome.errorLines
    let errors = lines.filter { $0.hasPrefix("error: ") }
    let hints = lines.filter { $0.hasPrefix("hint: ") && $0.count > 6 }
    #expect(errors.count == 1, "\(outcome.errorText)", sourceLocation: location)
    #expect(hints.count == 1, "\(outcome.errorText)", sourceLocation: location)
    for name in names {
        #expect(
            errors.first?.contains(name) == true, "\(name): \(outcome.errorText)",
            sourceLocation: location)
    }
    #expect(outcome.output.isEmpty, "\(outcome.text)", sourceLocation: location)
}
