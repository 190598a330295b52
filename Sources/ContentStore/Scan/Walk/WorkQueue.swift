internal import Glibc

/// A piece of a walk.
enum WorkItem {
    /// Open a directory and read its names.
    case list(DirectoryNode)
    /// Look at a range of its entries.
    case examine(DirectoryNode, Range<Int>)
    /// Read those of a range whose content is not known.
    case hash(DirectoryNode, Range<Int>)
}

/// The work that is left of a walk, last in first out, so that what is open stays near what is
/// being read and the queue stays short on wide trees.
///
/// `@unchecked Sendable`: everything mutable is touched with `mutex` held, and the mutex and the
/// condition live at fixed addresses from init to deinit.
final class WorkQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var items: [WorkItem] = []
    /// Items that were taken and whose work may still add others.
    private var running = 0
    private var isStopped = false
    private var waiting = 0

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` under the lock that hands nodes over from thread to thread.
    func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// - Parameter prepare: runs under the lock before anybody can take the items.
    func push(_ added: some Collection<WorkItem>, prepare: () -> Void = {}) {
        withLock {
            prepare()
            items.append(contentsOf: added)
            if waiting > 0 {
                if added.count > 1 {
                    pthread_cond_broadcast(condition)
                } else {
                    pthread_cond_signal(condition)
                }
            }
        }
    }

    /// Takes items and works on them until nothing is left or ``stop()`` was called.
    func work(_ body: (WorkItem) -> Void) {
        while let item = take() {
            body(item)
            withLock {
                running -= 1
                if running == 0, items.isEmpty { pthread_cond_broadcast(condition) }
            }
        }
    }

    /// Makes every thread return after the item it is at.
    func stop() {
        withLock {
            isStopped = true
            pthread_cond_broadcast(condition)
        }
    }

    private func take() -> WorkItem? {
        withLock {
            while !isStopped {
                if let item = items.popLast() {
                    running += 1
                    return item
                }
                if running == 0 { return nil }
                waiting += 1
                pthread_cond_wait(condition, mutex)
                waiting -= 1
            }
            return nil
        }
    }
}
