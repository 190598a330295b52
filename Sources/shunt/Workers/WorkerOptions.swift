internal import ArgumentParser
internal import Glibc
internal import JobModel

/// A worker as a command line or an inventory file describes it.
struct WorkerDescription: Hashable, Sendable {
    var name: WorkerName
    var address: WorkerAddress
    var hostKey: String?
    var directory: String?
    var labels: [WorkerLabel] = []
    /// What lies there already.
    var datasets: [Dataset] = []
}

extension WorkerAddress.Transport: ExpressibleByArgument {}

extension WorkerDescription {
    /// The command that adds it.
    var adding: String { AddingCommand.text(name, address, directory: directory) }
}

extension WorkerView {
    /// The command that adds it again.
    var adding: String { AddingCommand.text(name, address, directory: directory) }
}

extension WorkerAddress {
    /// `ssh -p 2222 ada@gpu-1`: how a person gets there by hand, for hints.
    var ssh: String {
        var words = ["ssh"]
        if let configurationFile { words.append("-F \(Quoting.forShell(configurationFile))") }
        if let port { words.append("-p \(port)") }
        words.append(Quoting.forShell(destination))
        return words.joined(separator: " ")
    }
}

/// `shunt worker add` with what it needs, for hints.
private enum AddingCommand {
    static func text(_ name: WorkerName, _ address: WorkerAddress?, directory: String?) -> String {
        var words = ["shunt worker add \(name)"]
        if let address {
            if "\(address)" != name.text { words.append(Quoting.forShell("\(address)")) }
            if address.transport != .libssh { words.append("--transport \(address.transport)") }
        }
        if let directory, !directory.isEmpty {
            words.append("--dir \(Quoting.forShell(directory))")
        }
        return words.joined(separator: " ")
    }
}

/// Rules for what is said about a worker, by flags or in an inventory file.
enum WorkerFields {
    static func name(_ text: String) throws(FieldError) -> WorkerName {
        guard let name = WorkerName(text), name != .local, text != "any" else {
            throw FieldError(
                "wants a name of letters, digits and `._-` other than `local` and `any`, found "
                    + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`",
                example: "gpu-1")
        }
        return name
    }

    static func label(_ text: String) throws(FieldError) -> WorkerLabel {
        guard let label = WorkerLabel(text) else {
            throw FieldError(
                "wants KEY=VALUE or KEY of letters, digits and `._-`, found "
                    + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`",
                example: "gpu=a100")
        }
        return label
    }

    static func hostKey(_ text: String) throws(FieldError) -> String {
        // 32 bytes in base64 without its padding, as `ssh-keygen -l` prints them.
        let digits = text.dropFirst("SHA256:".count)
        guard text.hasPrefix("SHA256:"), digits.utf8.count == 43,
            digits.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+/".contains($0)) })
        else {
            throw FieldError(
                "wants a fingerprint as `ssh-keygen -l` prints it, found "
                    + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`",
                example: "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDZa6BTXBYo2a5p2yU")
        }
        return text
    }

    static func transport(_ text: String) throws(FieldError) -> WorkerAddress.Transport {
        guard let transport = WorkerAddress.Transport(rawValue: text) else {
            throw FieldError(
                "wants `libssh` or `openssh`, found "
                    + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`",
                example: "openssh")
        }
        return transport
    }

    /// The file that `SHUNT_SSH_CONFIG` names, in place of the account's own, as `ssh -F` takes it.
    static func configurationFile() throws(ShuntError) -> String? {
        guard let value = getenv("SHUNT_SSH_CONFIG").map({ String(cString: $0) }), !value.isEmpty
        else { return nil }
        guard let resolved = realpath(value, nil) else {
            throw ShuntError(
                .usage,
                "`SHUNT_SSH_CONFIG` names `\(Quoting.visible(value))`, which cannot be read: "
                    + String(cString: strerror(errno)),
                hint: "env -u SHUNT_SSH_CONFIG shunt worker ls")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
