/// A moment of civil time: milliseconds since 1970-01-01T00:00:00Z. For records and people only;
/// it jumps when somebody sets the clock, so nothing is ever timed by it.
package struct WallTime: Hashable, Sendable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// A moment on a clock that runs through suspend and is never set (`CLOCK_BOOTTIME`):
/// milliseconds since the boot of the machine that read it. Deadlines are counted on it.
package struct SteadyTime: Hashable, Sendable, Comparable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: SteadyTime, right: SteadyTime) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The moment `duration` later.
    package static func + (left: SteadyTime, duration: Milliseconds) -> SteadyTime {
        SteadyTime(milliseconds: left.milliseconds + duration.count)
    }

    /// The time from `right` to `left`, or zero where `right` is the later one.
    package static func - (left: SteadyTime, right: SteadyTime) -> Milliseconds {
        Milliseconds(max(0, left.milliseconds - right.milliseconds))
    }
}

/// A span of time in whole milliseconds, 0 or more: what the state machines count in and what
/// records keep. `Duration` is for code that sleeps.
package struct Milliseconds: Hashable, Sendable, Comparable, Codable {
    package var count: Int64

    package init(_ count: Int64) { self.count = count }
    /// That many seconds.
    package static func seconds(_ count: Int64) -> Milliseconds { Milliseconds(count * 1000) }
    /// That many minutes.
    package static func minutes(_ count: Int64) -> Milliseconds { Milliseconds(count * 60_000) }

    /// Longer than anything takes.
    package static let forever = Milliseconds(.max)

    package static func < (left: Milliseconds, right: Milliseconds) -> Bool {
        left.count < right.count
    }
}

/// What both clocks say at the moment of an event. The cores read no clock: time arrives in here.
package struct Moment: Hashable, Sendable {
    package var wall: WallTime
    package var steady: SteadyTime

    package init(wall: WallTime, steady: SteadyTime) {
        self.wall = wall
        self.steady = steady
    }
}
