/// The JSON of a spec's choices, which scripts read: `{"shell": "…"}` or `{"arguments": […]}`, and
/// a worker's name, several with commas between them, or `any`.
extension JobSpec.Command {
    private enum CodingKeys: String, CodingKey {
        case shell
        case arguments
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let text = try container.decodeIfPresent(String.self, forKey: .shell) {
            self = .shell(text)
        } else {
            self = .arguments(try container.decode([String].self, forKey: .arguments))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .shell(let text): try container.encode(text, forKey: .shell)
        case .arguments(let list): try container.encode(list, forKey: .arguments)
        }
    }
}

extension JobSpec.PlacementRequest {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        if text == "any" {
            self = .any
        } else if let names = Self.names(in: text) {
            self.init(names: names)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` is no name of a worker")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    /// As a person writes it.
    package var text: String {
        switch self {
        case .any: "any"
        case .worker, .among: names.map(\.text).joined(separator: ",")
        }
    }

    /// - Returns: `nil` where one of them is no name.
    package static func names(in text: String) -> [WorkerName]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let names = parts.compactMap { WorkerName(String($0)) }
        return names.count == parts.count ? names : nil
    }
}

/// `{"kind": "exited", "code": 7}`, `{"kind": "signalled", "signal": 9}`,
/// `{"kind": "exec_failed", "errno": 2}`, `{"kind": "never_started"}`, `{"kind": "vanished"}`.
extension ExitStatus {
    private enum Kind: String, Codable {
        case exited
        case signalled
        case execFailed = "exec_failed"
        case neverStarted = "never_started"
        case vanished
    }

    private enum CodingKeys: String, CodingKey {
        case kind
        case code
        case signal
        case errno
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .exited: self = .exited(code: try container.decode(Int32.self, forKey: .code))
        case .signalled:
            self = .signalled(signal: try container.decode(Int32.self, forKey: .signal))
        case .execFailed:
            self = .execFailed(errno: try container.decode(Int32.self, forKey: .errno))
        case .neverStarted: self = .neverStarted
        case .vanished: self = .vanished
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .exited(let code):
            try container.encode(Kind.exited, forKey: .kind)
            try container.encode(code, forKey: .code)
        case .signalled(let signal):
            try container.encode(Kind.signalled, forKey: .kind)
            try container.encode(signal, forKey: .signal)
        case .execFailed(let errno):
            try container.encode(Kind.execFailed, forKey: .kind)
            try container.encode(errno, forKey: .errno)
        case .neverStarted: try container.encode(Kind.neverStarted, forKey: .kind)
        case .vanished: try container.encode(Kind.vanished, forKey: .kind)
        }
    }
}
