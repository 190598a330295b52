import ByteStream
import Glibc
import SSHTransport

/// Sends zeros to `cat >/dev/null` over streams of libssh, each on a connection of its own, and
/// prints how many MB (10⁶ bytes) a second went through.
///
///     ssh-stream-bench SSH_CONFIG HOST MEBIBYTES STREAMS
@main
enum SSHStreamBench {
    static func main() async throws {
        let words = CommandLine.arguments
        guard words.count == 5, let mebibytes = Int(words[3]), let count = Int(words[4]), count > 0
        else {
            print("usage: ssh-stream-bench SSH_CONFIG HOST MEBIBYTES STREAMS")
            exit(2)
        }
        let shell = LibSSHShell(
            target: try SSHTarget(destination: words[2], configurationFile: words[1]),
            options: SSHOptions(hostKeys: HostKeyPolicy(extraFile: "/nonexistent/known_hosts")))
        var streams: [any RemoteStream] = []
        for _ in 0..<count {
            streams.append(try await shell.openOnOwnConnection("exec cat >/dev/null"))
        }
        let share = mebibytes / count
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stream in streams {
                group.addTask {
                    let block = [UInt8](repeating: 0, count: 1 << 20)
                    for _ in 0..<share { try await stream.write(block) }
                    stream.finishWriting()
                    // The command ends when it has read all.
                    _ = await stream.exit()
                }
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        await shell.close()
        let line = "\(Double(share * count) * 1_048_576 / 1e6 / seconds)\n"
        _ = line.withCString { write(1, $0, strlen($0)) }
        // Connections that the streams had for themselves may still take their leave.
        _exit(0)
    }
}
