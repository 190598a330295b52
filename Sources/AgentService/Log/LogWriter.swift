internal import CLinux
internal import Glibc
internal import JobModel

/// Appends to the log of one task. One process at a time has one (the supervisor's lock).
///
/// Output goes from pipe to file by `splice`, in the kernel: a byte leaves the pipe in the same
/// step in which it enters the file, so that there is no moment at which killing the writer loses
/// or doubles one. The header goes first; a record that was cut short has all the bytes that left
/// the pipe, and the next writer corrects its length.
///
/// What cannot be written (full disk, quota, failing device) is read and dropped, counted in the
/// ``GapLedger``, and told by a gap record as soon as one can be written.
struct LogWriter: ~Copyable {
    /// Logical offset of the next record.
    private(set) var offset: UInt64
    /// Why the last write failed; 0 while the log can be written.
    private(set) var failure: Int32 = 0

    private let directory: OwnedDescriptor
    private let segmentLimit: UInt64
    private var file: OwnedDescriptor
    private var segmentStart: UInt64
    private var gaps: GapLedger
    private var nextAttempt = SteadyTime(milliseconds: 0)
    /// Where the file system of the log cannot splice.
    private var copyBuffer: [UInt8] = []
    private var canSplice: Bool
    private let null: OwnedDescriptor

    /// Between two attempts to write to a disk that was full.
    static let retryInterval = Milliseconds(250)
    /// A segment is closed once it is at least this long.
    static let usualSegmentLimit: UInt64 = 64 << 20

    /// Opens the log in this directory, or creates it, and puts its end in order.
    ///
    /// - Parameter canSplice: `false` begins with the copying that is otherwise fallen back to.
    init(
        at path: String, segmentLimit: UInt64 = usualSegmentLimit, canSplice: Bool = true
    ) throws(SystemError) {
        if mkdir(path, 0o700) < 0, errno != EEXIST {
            throw SystemError(call: "create", subject: path, errno: errno)
        }
        let directory = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        var gaps = try GapLedger(in: directory)
        let end = try LogRecovery.run(in: directory)
        let name = LogSegments.name(startingAt: end.segmentStart)
        let file = try directory.open(name, O_RDWR | O_CREAT)
        let null = try OwnedDescriptor.open("/dev/null", O_WRONLY)
        if let gap = end.lastGap, gaps.pendingGaps().contains(gap) { gaps.settle(gap) }
        self.file = file
        self.null = null
        segmentStart = end.segmentStart
        offset = end.offset
        self.gaps = gaps
        self.directory = directory
        self.segmentLimit = segmentLimit
        self.canSplice = canSplice
    }

    /// Bytes of a stream that were dropped since the log began.
    func dropped(_ stream: LogStream) -> UInt64 { gaps[stream].total }

    /// Whether something was dropped that no record tells yet.
    var hasPendingGap: Bool { gaps.hasPending }

    /// Moves what waits in a pipe into the log, at most `limit` bytes of it (up to
    /// ``LogRecordHeader/largestBody``).
    ///
    /// - Returns: how many bytes left the pipe; 0 when it is empty.
    mutating func transfer(
        from pipe: Int32, stream: LogStream, limit: Int, at now: Moment
    ) -> Int {
        let waiting = shunt_bytes_waiting(pipe)
        guard waiting > 0 else { return 0 }
        let count = min(Int(waiting), limit, LogRecordHeader.largestBody)
        settleGaps(at: now)
        if failure != 0 { return drop(count, from: pipe, stream, at: now) }
        do throws(SystemError) {
            try startSegmentIfFull()
            let header = LogRecordHeader(stream: stream, length: count, wall: now.wall)
            try write(header.encoded)
            let moved = try moveBody(header, from: pipe)
            if moved > 0 { return moved }
        } catch {
            failure = error.errno
        }
        return failure == 0 ? 0 : drop(count, from: pipe, stream, at: now)
    }

    /// Writes the gap records that are due, if that is possible by now.
    mutating func settleGaps(at now: Moment) {
        guard failure != 0 || gaps.hasPending, now.steady >= nextAttempt else { return }
        nextAttempt = now.steady + Self.retryInterval
        do throws(SystemError) {
            try startSegmentIfFull()
            for gap in gaps.pendingGaps() {
                let record = LogRecord(wall: now.wall, body: .gap(gap)).encoded
                try write(record)
                offset += UInt64(record.count)
                gaps.settle(gap)
            }
            failure = 0
        } catch {
            failure = error.errno
        }
    }

    /// Tries for a last time to tell of gaps, and makes the log durable.
    ///
    /// - Returns: 0, or the errno of what could not be synced.
    mutating func finish(at now: Moment) -> Int32 {
        nextAttempt = now.steady
        settleGaps(at: now)
        do throws(SystemError) {
            // Earlier segments too: whoever wrote them may have been killed before syncing.
            for start in try LogSegments.list(in: directory) {
                let name = LogSegments.name(startingAt: start)
                let segment = try directory.open(name, O_RDONLY)
                let raw = segment.raw
                try SystemError.check("sync", name) { fdatasync(raw) }
            }
            let raw = directory.raw
            try SystemError.check("sync", LogSegments.directoryName) { fsync(raw) }
            return 0
        } catch {
            return error.errno
        }
    }
}

// MARK: - One record

extension LogWriter {
    private var position: UInt64 { offset - segmentStart }

    /// Writes bytes at the end without moving it; takes them back where they do not all fit.
    private mutating func write(_ bytes: [UInt8]) throws(SystemError) {
        do throws(SystemError) {
            try SmallFile.overwrite(bytes, at: position, in: file, "log")
        } catch {
            takeBack()
            throw error
        }
    }

    /// Cuts off what stands after the last whole record.
    private func takeBack() {
        // Should even this fail, the remains are overwritten by the next record, or put in order
        // by the next writer.
        _ = ftruncate(file.raw, off_t(position))
    }

    /// Moves the body that a header has announced, and corrects the header where less came.
    private mutating func moveBody(
        _ header: LogRecordHeader, from pipe: Int32
    ) throws(SystemError) -> Int {
        var target = off_t(position) + off_t(LogRecordHeader.byteCount)
        var moved = 0
        var problem: Int32 = 0
        while moved < header.length, problem == 0 {
            let count =
                canSplice
                ? splice(pipe, nil, file.raw, &target, header.length - moved, Self.spliceFlags)
                : copy(from: pipe, to: &target, header, from: moved)
            if count > 0 {
                moved += count
            } else if count == 0 || errno == EAGAIN {
                break
            } else if errno == EINVAL, canSplice {
                canSplice = false
            } else if errno != EINTR {
                problem = errno
            }
        }
        if moved == header.length {
            offset += UInt64(header.recordLength)
            return moved
        }
        failure = problem
        if moved == 0 {
            takeBack()
            return 0
        }
        var shorter = header
        shorter.length = moved
        try SmallFile.overwrite(shorter.encoded, at: position, in: file, "log")
        offset += UInt64(shorter.recordLength)
        return moved
    }

    private static let spliceFlags = UInt32(SPLICE_F_MOVE) | UInt32(SPLICE_F_NONBLOCK)

    /// For file systems that cannot splice (some FUSE ones, and overlays before Linux 5.9). Here a
    /// writer that is killed between the two calls loses what it holds.
    ///
    /// - Returns: as `splice`, with `errno` set where it is negative.
    private mutating func copy(
        from pipe: Int32, to target: inout off_t, _ header: LogRecordHeader, from moved: Int
    ) -> Int {
        if copyBuffer.isEmpty { copyBuffer = [UInt8](repeating: 0, count: 64 << 10) }
        let size = min(header.length - moved, copyBuffer.count)
        let raw = file.raw
        let start = target
        var done = 0
        var problem: Int32 = 0
        let got = copyBuffer.withUnsafeMutableBytes { buffer -> Int in
            let got = read(pipe, buffer.baseAddress!, size)
            while done < got, problem == 0 {
                let count = pwrite(raw, buffer.baseAddress! + done, got - done, start + off_t(done))
                if count >= 0 { done += count } else if errno != EINTR { problem = errno }
            }
            return got
        }
        target += off_t(done)
        guard problem != 0, let stream = header.stream else { return got }
        // What has been read and cannot be written is gone.
        gaps.count(got - done, of: stream, errno: problem, at: header.wall)
        errno = problem
        return done > 0 ? done : -1
    }

    private mutating func drop(
        _ count: Int, from pipe: Int32, _ stream: LogStream, at now: Moment
    ) -> Int {
        gaps.count(count, of: stream, errno: failure, at: now.wall)
        var left = count
        while left > 0 {
            let moved = splice(pipe, nil, null.raw, nil, left, Self.spliceFlags)
            if moved > 0 {
                left -= moved
            } else if moved == 0 || errno != EINTR {
                break
            }
        }
        if left > 0 { gaps.correct(stream, by: left) }
        return count - left
    }

    /// Begins the next segment where the present one is long enough. Its bytes are on their way to
    /// the disk before the log's end asks for them.
    private mutating func startSegmentIfFull() throws(SystemError) {
        guard position >= segmentLimit else { return }
        let name = LogSegments.name(startingAt: offset)
        let next = try directory.open(name, O_RDWR | O_CREAT | O_EXCL)
        // A hint for the kernel; the sync at the end is what counts.
        _ = sync_file_range(file.raw, 0, 0, UInt32(SYNC_FILE_RANGE_WRITE))
        file = next
        segmentStart = offset
    }
}
