import Foundation
import Glibc
import JobModel
import Testing

@testable import AgentService

/// What stays of tasks that are over.
@Suite struct RetentionTests {
    /// Tasks `t0`, `t1`, … with a log of a page each, the first one the oldest.
    private func withTasks(
        _ count: Int, _ body: (TaskRetention, _ left: () throws -> Set<String>) throws -> Void
    ) throws {
        let manager = FileManager.default
        let root = manager.temporaryDirectory.appending(path: "shunt-retention-\(UUID())")
        // What cannot be removed is no failure of the test.
        defer { try? manager.removeItem(at: root) }
        for index in 0..<count {
            let log = root.appending(path: "t\(index)/log")
            try manager.createDirectory(at: log, withIntermediateDirectories: true)
            try Data(repeating: 1, count: 4096)
                .write(to: log.appending(path: LogSegments.name(startingAt: 0)))
            let time = Date(timeIntervalSince1970: 1_000_000 + Double(index))
            try manager.setAttributes([.modificationDate: time], ofItemAtPath: log.path)
        }
        try body(TaskRetention(tasks: root.path)) {
            Set(try manager.contentsOfDirectory(atPath: root.path))
        }
    }

    @Test func theOldestLogsGoBeyondTheCount() throws {
        try withTasks(5) { retention, left throws in
            var retention = retention
            retention.bounds.tasks = 3
            #expect(try retention.prune(sparing: []) == 2)
            #expect(try left() == ["t2", "t3", "t4"])
            #expect(try retention.prune(sparing: []) == 0)
        }
    }

    @Test func theOldestLogsGoBeyondTheSize() throws {
        try withTasks(5) { retention, left throws in
            var retention = retention
            retention.bounds.size = .kibibytes(8)
            #expect(try retention.prune(sparing: []) == 3)
            #expect(try left() == ["t3", "t4"])
        }
    }

    @Test func aTaskThatIsNotOverStaysAndCounts() throws {
        try withTasks(4) { retention, left throws in
            var retention = retention
            retention.bounds.tasks = 2
            #expect(try retention.prune(sparing: ["t0"]) == 2)
            #expect(try left() == ["t0", "t3"])
        }
    }

    @Test func recordsGoAndTheLogStays() throws {
        try withTasks(1) { retention, _ throws in
            let task = TaskDirectory(retention.tasks + "/t0")
            for name in ["launch", "ended", "exit", "stop.tmp", "control.fifo"] {
                try Data().write(to: URL(filePath: task.path + "/" + name))
            }
            #expect(retention.removeRecords(of: ["t0", "never-there"]).isEmpty)
            let left = try FileManager.default.contentsOfDirectory(atPath: task.path)
            #expect(left == ["log"])
        }
    }

    @Test func aTaskWithALiveSupervisorIsAskedForAgain() throws {
        try withTasks(3) { retention, _ throws in
            let task = TaskDirectory(retention.tasks + "/t0")
            guard let lock = try FileLock.take(TaskDirectory.supervisorLock, in: task.open()) else {
                Issue.record("the lock of a new file is free")
                return
            }
            #expect(retention.removeRecords(of: ["t0"]) == ["t0"])
            #expect(retention.alive(["t0", "t1", "never-there"]) == ["t0"])
            var narrow = retention
            narrow.bounds.tasks = 0
            #expect(try narrow.prune(sparing: []) == 1)
            #expect(FileManager.default.fileExists(atPath: task.path))
            #expect(try retention.leftovers(besides: ["t1", "t2"]) == ["t0"])
            #expect(try retention.leftovers(besides: ["t0", "t1", "t2"]).isEmpty)
            lock.release()
            #expect(retention.removeRecords(of: ["t0"]).isEmpty)
        }
    }
}
