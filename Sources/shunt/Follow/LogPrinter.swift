internal import CoordinatorClient
internal import Glibc
internal import JobModel
internal import Synchronization

/// Writes a job's output to where it belongs, byte for byte: what the job wrote to its standard
/// output to ours, and so for standard error. Gaps in the log are told on standard error.
///
/// When our standard output or error is closed, the command ends as by SIGPIPE and the job runs on,
/// as with the container CLIs.
final class LogPrinter: Sendable {
    private let streams: Set<LogStream>
    private let progress: ProgressDisplay
    /// Told before each piece of output is printed.
    private let onOutput: @Sendable () -> Void
    private let decoder = Mutex(LogRecordDecoder())
    /// Of a gang: lines stand whole behind the rank of their task.
    private let ranked: RankedLines?
    /// Bytes at the start of the next output that belong to earlier lines than were asked for.
    private let skip = Mutex<UInt32>(0)

    init(
        streams: Set<LogStream> = [.standardOutput, .standardError], rank: Int? = nil,
        progress: ProgressDisplay,
        onOutput: @escaping @Sendable () -> Void = {}
    ) {
        self.streams = streams
        ranked = rank.map { RankedLines(rank: $0) }
        self.progress = progress
        self.onOutput = onOutput
    }

    /// Leaves out the first bytes of the next output record.
    func leaveOut(_ bytes: UInt32) { skip.withLock { $0 = bytes } }

    /// Prints a page; returns when all of it is written.
    ///
    /// - Throws: ``ProgramExit`` when nobody reads, ``ShuntError`` where it cannot be written.
    func print(_ page: LogPage) async throws {
        guard !page.bytes.isEmpty else { return }
        try await Blocking.run { try self.write(page.bytes) }
    }

    private func write(_ bytes: [UInt8]) throws {
        for record in try records(in: bytes) { try write(record) }
    }

    /// The records that the next bytes of the log make whole.
    func records(in bytes: [UInt8]) throws -> [LogRecord] {
        try decoder.withLock { decoder in
            decoder.append(bytes)
            var records: [LogRecord] = []
            do {
                while let record = try decoder.next() { records.append(record) }
            } catch let error as LogFormatError {
                throw ShuntError(
                    .failed, "the coordinator sent a damaged log: \(error)",
                    hint: "shunt coordinator status")
            }
            return records
        }
    }

    /// Prints what is left of lines that never ended.
    func finish() async throws {
        guard let ranked else { return }
        try await Blocking.run {
            for stream in LogStream.allCases {
                try self.put(ranked.rest(of: stream), to: stream)
            }
        }
    }

    func write(_ record: LogRecord) throws {
        switch record.body {
        case .output(let stream, let whole):
            onOutput()
            // The record at the start is one of a stream that counts, or nothing is left out of it.
            let skipped = skip.withLock { skip in
                defer { skip = 0 }
                return min(Int(skip), whole.count)
            }
            guard streams.contains(stream) else { return }
            let bytes = whole.dropFirst(skipped)
            guard let ranked else { return try put(bytes, to: stream) }
            try put(ranked.lines(in: bytes, of: stream)[...], to: stream)
        case .gap(let gap):
            progress.warn(Self.describe(gap))
        case .unknown: break
        }
    }

    private func put(_ bytes: ArraySlice<UInt8>, to stream: LogStream) throws {
        guard !bytes.isEmpty else { return }
        let target: StandardStream = stream == .standardOutput ? .output : .error
        let isOpen = target.isTerminal ? bytes.last != UInt8(ascii: "\n") : nil
        if let code = progress.withoutLine(leavesOpenLine: isOpen, { target.write(bytes) }) {
            throw failure(of: target, code)
        }
    }

    static func describe(_ gap: LogGap) -> String {
        let stream = gap.stream == .standardOutput ? "output" : "error"
        let bytes = ByteCount(Int64(clamping: gap.droppedBytes))
        return "\(bytes) of standard \(stream) were lost on the worker: "
            + String(cString: strerror(gap.errno))
    }

    private func failure(of stream: StandardStream, _ code: Int32) -> any Error {
        if code == EPIPE { return ProgramExit(code: ProgramExit.brokenPipe) }
        let name = stream == .output ? "output" : "error"
        return ShuntError(
            .failed, "standard \(name) cannot be written: \(String(cString: strerror(code)))",
            hint: "df -h")
    }
}
