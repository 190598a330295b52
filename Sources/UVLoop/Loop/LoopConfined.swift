/// A value that only a loop's thread touches, inside something that any thread may hold.
///
/// `@unchecked Sendable` is right because the value is reached in one way, which traps on any
/// other thread; only making and destroying it can happen elsewhere, when nobody else has it.
/// Whoever holds one sees to it that what must be closed on the loop has been, by then.
final class LoopConfined<Value: ~Copyable>: @unchecked Sendable {
    private let loop: UVLoop
    private var value: Value

    init(_ value: consuming sending Value, on loop: UVLoop) {
        self.loop = loop
        self.value = value
    }

    func withValue<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        loop.preconditionOnLoop()
        return try body(&value)
    }
}
