internal import CoordinatorClient
internal import CoordinatorService
internal import Glibc
internal import JobModel
internal import SSHTransport

/// Opens a shell on a worker for a command that a person gave: it may ask.
struct RemoteAccess: Sendable {
    let layout: HomeLayout
    let progress: ProgressDisplay

    /// - Parameter hostKey: the fingerprint that the person vouches for.
    /// - Throws: ``ShuntError`` where the destination is none.
    func shell(to address: WorkerAddress, hostKey: String? = nil) throws -> any RemoteShell {
        let progress = progress
        var policy = HostKeyPolicy(extraFile: layout.knownHostsFile, accepted: hostKey)
        var passphrase: (@Sendable (PassphraseQuestion) async -> String?)?
        let isPersonThere = StandardStream.error.isTerminal
        if isPersonThere {
            policy.ask = { question in
                progress.clear()
                return HostKeyPrompt.ask(question)
            }
            passphrase = { question in
                progress.clear()
                return PassphrasePrompt.ask(question)
            }
        }
        var options = SSHOptions(
            authSocket: getenv("SSH_AUTH_SOCK").map { String(cString: $0) }, hostKeys: policy,
            passphrase: passphrase, isPersonThere: isPersonThere)
        options.clearTerminal = { progress.clear() }
        options.socketDirectory = layout.runtimeDirectory
        do {
            let target = try SSHTarget(address)
            switch address.transport {
            case .libssh: return LibSSHShell(target: target, options: options)
            case .openssh: return OpenSSHShell(target: target, options: options)
            }
        } catch {
            throw ShuntError(error)
        }
    }
}

/// Whether a machine that is met for the first time is the one that is meant.
enum HostKeyPrompt {
    static func ask(_ question: HostKeyQuestion) -> Bool {
        guard let terminal = ControllingTerminal.open() else { return false }
        var text = "The host key of \(question.host) is not known yet: \(question.type)\n"
        text += "  \(question.fingerprint)\n"
        if !question.knownAs.isEmpty {
            text += "It is on record as \(question.knownAs.joined(separator: ", ")).\n"
        }
        return terminal.ask(text + "Is that the right one? [y/N] ")
    }
}

/// The passphrase of a key, which is used once and kept nowhere.
enum PassphrasePrompt {
    static func ask(_ question: PassphraseQuestion) -> String? {
        guard let terminal = ControllingTerminal.open() else { return nil }
        let why = question.isRepeated ? "That is not it. " : ""
        return terminal.askSecretly(
            "\(why)Passphrase of \(Quoting.visible(question.keyPath)): ")
    }
}
