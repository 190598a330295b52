internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// The standard streams of an `ssh` that runs one remote command.
final class OpenSSHStream: RemoteStream {
    let child: ChildProcess
    private let stream: DescriptorStream
    private let words = ByteTail(limit: SSHLimits.diagnostics)
    private let explainer: OpenSSHExplainer
    private let onEnd: @Sendable () -> Void
    private let isOver = Atomic(false)

    /// For what ssh says when its connection fails to be told, and for its end to be seen, after
    /// its output has ended.
    private static let grace = Duration.seconds(2)

    /// - Parameter onEnd: called once, when nobody uses it any more.
    /// - Throws: ``SSHError`` if ssh cannot be started.
    init(
        _ command: [String], _ options: SSHOptions, _ explainer: OpenSSHExplainer,
        onEnd: @escaping @Sendable () -> Void
    ) throws(SSHError) {
        self.explainer = explainer
        self.onEnd = onEnd
        let input = try SocketPair()
        let output = try SocketPair()
        let errors = try SocketPair()
        child = try ChildProcess(
            .init(
                words: command, input: input.theirs.raw, output: output.theirs.raw,
                errors: errors.theirs.raw, keepsTerminal: options.isPersonThere,
                authSocket: options.authSocket))
        do {
            stream = try DescriptorStream(
                reading: output.keepOurs(), writing: input.keepOurs(), name: "openssh")
            try words.listen(to: errors.keepOurs(), name: "openssh-words")
        } catch {
            child.end()
            throw .ofSystem(error)
        }
    }

    deinit {
        child.end()
        leave()
    }

    nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8] {
        let bytes = try await stream.read(atMost: limit)
        if bytes.isEmpty, let failure = await failure() { throw failure }
        return bytes
    }

    nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        do {
            try await stream.write(bytes)
        } catch let error as StreamError {
            if let failure = await failure() { throw failure }
            throw error
        }
    }

    func finishWriting() { stream.finishWriting() }

    nonisolated(nonsending) func exit() async -> RemoteExit? {
        switch await child.ended.value() {
        case .code(let code): explainer.isOfSSH(code, words.bytes) ? nil : .code(code)
        case .signal, nil: nil
        }
    }

    var diagnostics: [UInt8] { words.bytes }

    /// ssh gets a moment to send on what it took.
    nonisolated(nonsending) func close() async {
        await stream.close()
        _ = await child.ended.value(within: StreamLimits.linger)
        await child.end(within: StreamLimits.linger)
        leave()
    }

    /// Why ssh has no connection, where that is what ended it.
    private nonisolated(nonsending) func failure() async -> SSHError? {
        guard case .code(let code) = await child.ended.value(within: Self.grace) else { return nil }
        _ = await words.finished.value(within: .milliseconds(500))
        return await explainer.failure(code, words.bytes)
    }

    private func leave() {
        if !isOver.exchange(true, ordering: .acquiringAndReleasing) { onEnd() }
    }
}
