import Foundation
import Synchronization
import Testing
import Lab

/// A file that somebody else writes to all the time, on a thread of its own.
private final class Writer: Sendable {
    private let path: String
    private let state = Mutex((count: 0, ends: false, ended: false))

    /// - Parameter write: called over and over with the open file.
    init(_ path: String, write: @escaping @Sendable (Int32) -> Void) {
        self.path = path
        let thread = Thread { [self] in
            let descriptor = open(path, O_RDWR | O_CLOEXEC)
            while !state.withLock({ $0.ends }) {
                write(descriptor)
                state.withLock { $0.count += 1 }
            }
            close(descriptor)
            state.withLock { $0.ended = true }
        }
        thread.start()
    }

    var writes: Int { state.withLock { $0.count } }

    func stop() async {
        state.withLock { $0.ends = true }
        #expect(await eventually { self.state.withLock { $0.ended } })
    }
}

/// Files that change while they are read: never a mixture of two versions.
@Suite struct ChangingFileTests {
    /// A small one is copied at submit, one above 64 MiB is read and referenced.
    @Test(arguments: [24 << 20, 96 << 20])
    func aFileThatGrowsAllTheTimeIsRefused(_ size: Int) async throws {
        try await refuses(size: size) { descriptor in
            lseek(descriptor, 0, SEEK_END)
            _ = Foundation.write(descriptor, "more\n", 5)
            // A file that fills the disk would be another test.
            if lseek(descriptor, 0, SEEK_END) > off_t(size + (1 << 20)) {
                ftruncate(descriptor, off_t(size))
            }
        }
    }

    @Test(arguments: [24 << 20, 96 << 20])
    func aFileThatIsWrittenInPlaceAllTheTimeIsRefused(_ size: Int) async throws {
        let draws = Mutex(0)
        try await refuses(size: size) { descriptor in
            let place = draws.withLock { value in
                value = (value &* 1_103_515_245 &+ 12_345) & 0x7fff_ffff
                return value % size
            }
            var byte = UInt8(truncatingIfNeeded: place)
            pwrite(descriptor, &byte, 1, off_t(place))
        }
    }

    private func refuses(
        size: Int, write: @escaping @Sendable (Int32) -> Void
    ) async throws {
        try await ShuntHome.use { home in
            try home.write("data.bin", Data(count: size))
            let writer = Writer(home.path("data.bin"), write: write)
            #expect(await eventually { writer.writes > 0 })
            let before = writer.writes
            let submitted = try await home.run("submit", "--", "true")
            let ran = try await home.run("run", "--", "true")
            #expect(writer.writes > before)
            await writer.stop()
            expectRefused(submitted, code: 1, naming: ["`\(home.path("data.bin"))`", "changed"])
            expectRefused(ran, code: 125, naming: ["`\(home.path("data.bin"))`", "changed"])
            #expect(try await home.jobs().isEmpty)
            // Once it stands still it goes through, whole.
            let sum = "sha256sum <data.bin"
            let here = try await home.shell(sum)
            let there = try await home.run("run", "-q", "--", "sh", "-c", sum)
            #expect(there.text == here.text, "\(there.errorText)")
        }
    }

    /// A short burst of writes only costs another attempt: what arrives is one version.
    @Test func aFileThatChangedOnceIsReadAgain() async throws {
        try await ShuntHome.use { home in
            try home.write("data.bin", Data(count: 48 << 20))
            let command = try home.start(
                ["run", "--", "sh", "-c", "tr -d '\\000' <data.bin | wc -c"])
            #expect(
                await eventually { command.errorsSoFar.contains("snapshot") },
                "\(command.errorsSoFar)")
            let descriptor = open(home.path("data.bin"), O_WRONLY | O_APPEND | O_CLOEXEC)
            #expect(Foundation.write(descriptor, "x", 1) == 1)
            close(descriptor)
            let outcome = await command.outcome()
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(
                ["0", "1"].contains(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)))
        }
    }
}
