internal import CoordinatorClient
internal import JobModel

/// Brings the pages of a log.
struct LogFollower: Sendable {
    let connection: CoordinatorConnection
    let job: JobReference
    var rank = 0
    let printer: LogPrinter

    /// Prints from a place on.
    ///
    /// - Parameter waits: until the job is over and its log complete; else what there is now.
    func follow(from start: LogOffset, waits: Bool) async throws {
        printer.leaveOut(start.skip)
        var offset = start.offset
        while true {
            let wait = waits ? APIPath.longestWait : Milliseconds(0)
            let asked = MonotonicClock.now()
            let page = try await connection.logPage(
                of: job, rank: rank, from: offset, wait: wait)
            try await printer.print(page)
            if page.isComplete || (page.bytes.isEmpty && !waits) { break }
            // An answer without anything comes after the wait. One that comes at once must not be
            // asked for again and again.
            if page.bytes.isEmpty, MonotonicClock.now() - asked < Milliseconds(100) {
                try await Task.sleep(for: .milliseconds(100))
            }
            offset = page.nextOffset
        }
        try await printer.finish()
    }
}

/// The logs of all tasks of a gang as one, each line behind its rank.
struct GangLogFollower: Sendable {
    /// By rank.
    let followers: [LogFollower]

    /// - Parameters:
    ///   - count: the number of ranks.
    ///   - printer: makes the printer of a rank.
    init(
        connection: CoordinatorConnection, job: JobReference, count: Int,
        printer: (Int) -> LogPrinter
    ) {
        followers = (0..<count).map {
            LogFollower(connection: connection, job: job, rank: $0, printer: printer($0))
        }
    }

    /// Prints what there is now in the order in which it was written, by the clocks of the workers;
    /// then, where it waits, what comes as it comes.
    ///
    /// - Parameter starts: by rank.
    func follow(from starts: [LogOffset], waits: Bool) async throws {
        var heads = zip(followers, starts).map { follower, start in
            follower.printer.leaveOut(start.skip)
            return Head(offset: start.offset)
        }
        while true {
            for rank in heads.indices where heads[rank].needsMore {
                try await heads[rank].read(followers[rank])
            }
            let waiting = heads.indices.filter { heads[$0].next != nil }
            guard let first = waiting.min(by: { heads[$0].isEarlier(than: heads[$1]) }) else {
                break
            }
            try await heads[first].print(to: followers[first].printer)
        }
        guard waits else {
            for follower in followers { try await follower.printer.finish() }
            return
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (follower, head) in zip(followers, heads) {
                let offset = head.offset
                group.addTask {
                    try await follower.follow(from: LogOffset(offset: offset), waits: true)
                }
            }
            try await group.waitForAll()
        }
    }

    /// What has been read of one log and not printed yet.
    private struct Head {
        var offset: UInt64
        private var records: [LogRecord] = []
        private var printed = 0
        private var isAtEnd = false

        init(offset: UInt64) { self.offset = offset }

        var next: LogRecord? { printed < records.count ? records[printed] : nil }
        var needsMore: Bool { next == nil && !isAtEnd }

        func isEarlier(than other: Head) -> Bool {
            guard let own = next?.wall, let others = other.next?.wall else { return false }
            return own < others
        }

        mutating func read(_ follower: LogFollower) async throws {
            while needsMore {
                let page = try await follower.connection.logPage(
                    of: follower.job, rank: follower.rank, from: offset)
                offset = page.nextOffset
                records = try follower.printer.records(in: page.bytes)
                printed = 0
                isAtEnd = page.bytes.isEmpty || page.isComplete
            }
        }

        mutating func print(to printer: LogPrinter) async throws {
            guard let record = next else { return }
            printed += 1
            try await Blocking.run { try printer.write(record) }
        }
    }
}
