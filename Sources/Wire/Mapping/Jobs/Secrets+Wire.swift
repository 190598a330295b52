internal import JobModel

/// Secrets as a frame: names and sizes are the header, values the body. No error names a value.
extension ProtoSecrets {
    init(_ token: StartToken, _ secrets: [Secret]) {
        self.init()
        self.token = token.proto
        entries = secrets.map { secret in
            var entry = Entry()
            entry.name = secret.name
            entry.size = UInt32(clamping: secret.bytes.count)
            return entry
        }
    }
}

extension BulkMessage {
    static func secrets(_ proto: ProtoSecrets, body: [UInt8]) throws(WireError) -> BulkMessage {
        let token = try StartToken(
            Field.required(proto.hasToken ? proto.token : nil, "secrets.token"))
        return .secrets(token, try Secret.list(proto, body: body))
    }
}

extension Secret {
    /// The names of a spec's secrets, which become names of files.
    static func names(_ names: [String]) throws(WireError) -> [String] {
        guard names.count <= SecretLimits.count else {
            throw WireError.oversized(
                part: "list of secrets", length: names.count, limit: SecretLimits.count)
        }
        for (index, name) in names.enumerated()
        where !isName(name) || names[..<index].contains(name) {
            throw WireError.invalid("spec.secret_names", name)
        }
        return names
    }

    static func list(_ proto: ProtoSecrets, body: [UInt8]) throws(WireError) -> [Secret] {
        var secrets: [Secret] = []
        var start = 0
        for entry in proto.entries {
            let size = Int(entry.size)
            guard size <= body.count - start else { throw WireError.truncated }
            secrets.append(Secret(name: entry.name, bytes: Array(body[start..<start + size])))
            start += size
        }
        guard start == body.count else { throw WireError.invalid("secrets.size", body.count) }
        if let problem = problem(of: secrets) { throw WireError.invalid("secrets", problem) }
        return secrets
    }
}
