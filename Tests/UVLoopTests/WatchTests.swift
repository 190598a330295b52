import ByteStream
import Glibc
import Testing
import UVLoop

@Suite(.timeLimit(.minutes(1))) struct WatchTests {
    @Test func aWatchSeesAFileComeChangeAndGo() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try await withLoop { loop in
            let changes = Shared<[PathWatch.Change]>([])
            let watch = OnLoop<PathWatch>(loop)
            try await loop.perform {
                watch.set(
                    try PathWatch(path: path, on: loop) { change in
                        if case .success(let change) = change {
                            changes.update { $0.append(change) }
                        }
                    })
            }
            let name: [UInt8] = [0x78, 0xFF, 0x0A, 0x79]
            let file = Array(path.utf8) + [0x2F] + name + [0]
            let descriptor = file.withUnsafeBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    open($0.baseAddress!, O_CREAT | O_WRONLY, 0o600)
                }
            }
            #expect(descriptor >= 0)
            try await eventually("it was seen") {
                changes.value.contains(.init(name: name, isRename: true))
            }
            #expect(write(descriptor, "x", 1) == 1)
            try await eventually("its change was seen") {
                changes.value.contains(.init(name: name, isRename: false))
            }
            close(descriptor)
            try await loop.perform { watch.use { $0.close() } }
        }
    }

    @Test func whatIsNotThereCannotBeWatched() async throws {
        try await withLoop { loop in
            let code = await errnoThrown {
                try await loop.perform { _ = try PathWatch(path: "/no/such", on: loop) { _ in } }
            }
            #expect(code == ENOENT)
        }
    }

    @Test func aSignalIsSeenOnTheLoop() async throws {
        try await withLoop { loop in
            let count = Shared(0)
            let watch = OnLoop<SignalWatch>(loop)
            try await loop.perform {
                watch.set(
                    try SignalWatch(SIGUSR2, on: loop) {
                        loop.preconditionOnLoop()
                        count.update { $0 += 1 }
                    })
            }
            kill(getpid(), SIGUSR2)
            try await eventually("it was seen") { count.value == 1 }
            try await loop.perform { watch.use { $0.close() } }
        }
    }

    @Test func aSignalThatCannotBeCaughtIsRefused() async throws {
        try await withLoop { loop in
            let code = await errnoThrown {
                try await loop.perform { _ = try SignalWatch(SIGKILL, on: loop) {} }
            }
            #expect(code == EINVAL)
        }
    }
}
