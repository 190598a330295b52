internal import ByteStream
internal import CLinux
internal import Glibc

/// The command of a ProxyCommand, or the `ssh -W` of a ProxyJump, whose standard streams are the
/// connection.
struct ProxyChild: Sendable {
    let process: ChildProcess
    /// The last that it said on standard error.
    let words = ByteTail(limit: SSHLimits.proxyWords)
    /// As a person would know it: "ProxyJump `bastion`".
    let name: String
    let hint: String

    /// - Returns: the child, and our end of the connection.
    static func start(
        _ configuration: SSHConfiguration, _ target: SSHTarget, _ options: SSHOptions
    ) throws(SSHError) -> (child: ProxyChild, descriptor: Int32) {
        let command = try Command(configuration, target, options)
        let streams = try SocketPair()
        let errors = try SocketPair()
        let process = try ChildProcess(
            .init(
                words: command.words, input: streams.theirs.raw, output: streams.theirs.raw,
                errors: errors.theirs.raw, keepsTerminal: options.isPersonThere,
                authSocket: options.authSocket))
        let child = ProxyChild(process: process, name: command.name, hint: command.hint)
        do {
            try child.words.listen(to: errors.keepOurs(), name: "proxy-words")
        } catch {
            process.end()
            throw .ofSystem(error)
        }
        return (child, streams.keepOurs().release())
    }

    /// Ends it, and asks nothing of the caller: the reaper waits.
    func end() {
        Task { [process] in await process.end(within: .seconds(2)) }
    }

    /// What went wrong on the way: its own words where it has some.
    ///
    /// A proxy that closes the connection says why and ends, in this order or another: it gets a
    /// moment to do both.
    func failure(_ otherwise: SSHError, _ patience: Patience) -> SSHError {
        let ending = process.wait(patience.until(min(patience.deadline, .now + .seconds(1))))
        // Its last words may still be on their way.
        let moment = ContinuousClock.now + .milliseconds(200)
        while words.finished.current == nil, moment > .now, !patience.isStopped {
            _ = patience.until(.now + .milliseconds(5)).wait(for: [])
        }
        let said = lastLine
        guard said != nil || ending.map({ $0 != .code(0) }) ?? false else { return otherwise }
        let reason = said ?? "it \(ending.map { "ended with \($0)" } ?? "runs") and says nothing"
        return SSHError(.proxy, "\(name) does not lead there: \(reason)", hint: hint)
    }

    private var lastLine: String? {
        let lines = words.bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        // `ssh -W` ends with what became of its own forwarding, after why.
        let telling = lines.filter { line in
            !line.starts(with: "stdio forwarding failed".utf8)
                && !line.starts(with: "Warning: Permanently added".utf8)
        }
        return (telling.last ?? lines.last).map { SSHError.printable($0, limit: 300) }
    }
}

extension ProxyChild {
    /// What is started, and what it is called.
    struct Command: Hashable {
        var words: [String]
        var name: String
        var hint: String

        init(
            _ configuration: SSHConfiguration, _ target: SSHTarget, _ options: SSHOptions
        ) throws(SSHError) {
            switch configuration.way {
            case .direct:
                preconditionFailure("a direct connection has no child")
            case .command(let text):
                let tokens = TokenExpansion(
                    configuration, home: Account.home, environment: Account.variable)
                let line = try tokens.expand(text)
                words = ["/bin/sh", "-c", "exec \(line)"]
                name = "the ProxyCommand of `\(configuration.alias)`"
                hint = "ssh -v \(configuration.byHand)"
            case .jump(let hosts):
                let jump = try Jump(hosts.last ?? "")
                let file = target.configurationFile.map { ["-F", $0] } ?? []
                let before = hosts.dropLast().joined(separator: ",")
                let way = (before.isEmpty ? [] : ["-J", before]) + jump.options
                words = ["ssh"] + file
                if !options.isPersonThere { words += ["-o", "BatchMode=yes"] }
                words += ["-o", "ClearAllForwardings=yes", "-T"]
                words += way
                let host = configuration.hostName
                words += [
                    "-W", "[\(host)]:\(configuration.port)", "--", jump.host,
                ]
                name = "ProxyJump `\(hosts.joined(separator: ","))`"
                hint = (["ssh"] + file + way + [jump.host]).map(SSHError.quoted)
                    .joined(separator: " ")
            }
        }
    }

    /// A hop of ProxyJump: `[user@]host[:port]`, or a URI.
    struct Jump: Hashable {
        var host: String
        var options: [String] = []

        init(_ text: String) throws(SSHError) {
            var rest = text[...]
            if rest.hasPrefix("ssh://") { rest = rest.dropFirst(6) }
            if let at = rest.lastIndex(of: "@") {
                options += ["-l", String(rest[..<at])]
                rest = rest[rest.index(after: at)...]
            }
            if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
                let after = rest[rest.index(after: end)...]
                if after.hasPrefix(":") { options += ["-p", String(after.dropFirst())] }
                rest = rest[..<end].dropFirst()
            } else if let colon = rest.lastIndex(of: ":"), rest.firstIndex(of: ":") == colon {
                options += ["-p", String(rest[rest.index(after: colon)...])]
                rest = rest[..<colon]
            }
            host = String(rest)
            guard !host.isEmpty, !host.hasPrefix("-") else {
                throw SSHError(
                    .configuration,
                    "ProxyJump names no host: `\(SSHError.printable(text.utf8))`",
                    hint: "grep -n ProxyJump ~/.ssh/config")
            }
        }
    }
}
