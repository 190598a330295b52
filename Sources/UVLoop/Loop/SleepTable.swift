/// The timers of tasks that sleep on a loop, kept there because a task may be cancelled from any
/// thread while a timer belongs to the loop's.
struct SleepTable {
    private var timers: [UInt64: any SleepTimer] = [:]

    mutating func insert(_ timer: any SleepTimer, for sleep: UInt64) { timers[sleep] = timer }
    mutating func remove(_ sleep: UInt64) -> (any SleepTimer)? { timers.removeValue(forKey: sleep) }
}

/// A timer that ends one sleep.
protocol SleepTimer {
    func close()
    /// Has `action` run when the loop ends before the timer fired.
    func onLoopEnd(_ action: @escaping () -> Void)
}

extension UVTimer: SleepTimer {
    func onLoopEnd(_ action: @escaping () -> Void) { onLoopEnd = action }
}

extension BootTimer: SleepTimer {}
