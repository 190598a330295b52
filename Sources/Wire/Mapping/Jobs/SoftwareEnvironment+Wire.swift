internal import JobModel

/// What a job's environment is, as protobuf.
extension SoftwareEnvironment: WireValue {
    var proto: ProtoSoftwareEnvironment {
        var proto = ProtoSoftwareEnvironment()
        switch self {
        case .recipe(let recipe): proto.recipe = recipe.proto
        case .existing(let name): proto.existing = name
        }
        return proto
    }

    init(_ proto: ProtoSoftwareEnvironment) throws(WireError) {
        switch try Field.required(proto.kind, "software.kind") {
        case .recipe(let recipe): self = .recipe(try EnvironmentRecipe(recipe))
        case .existing(let name): self = .existing(name)
        }
    }
}

extension EnvironmentRecipe: WireValue {
    var proto: ProtoEnvironmentRecipe {
        var proto = ProtoEnvironmentRecipe()
        proto.kind = Self.code(kind)
        proto.tree = tree.proto
        if let python { proto.python = python.description }
        proto.source = source
        if let packages { proto.packages = UInt32(clamping: packages) }
        if let platform { proto.platform = platform }
        proto.importPaths = importPaths ?? []
        return proto
    }

    init(_ proto: ProtoEnvironmentRecipe) throws(WireError) {
        var python: PythonRange?
        if proto.hasPython {
            guard let range = PythonRange(proto.python) else {
                throw WireError.invalid("recipe.python", proto.python)
            }
            python = range
        }
        self.init(
            kind: try Field.choice(proto.kind, "recipe.kind", Self.code),
            tree: try TreeReference(
                Field.required(proto.hasTree ? proto.tree : nil, "recipe.tree")),
            python: python, source: proto.source,
            packages: proto.hasPackages ? Int(proto.packages) : nil,
            platform: proto.hasPlatform ? proto.platform : nil,
            importPaths: proto.importPaths.isEmpty ? nil : proto.importPaths)
    }

    private static func code(_ kind: Kind) -> ProtoEnvironmentRecipe.Kind {
        switch kind {
        case .requirements: .requirements
        case .lock: .lock
        case .uv: .uv
        case .conda: .conda
        case .condaLock: .condaLock
        }
    }
}

extension EnvironmentAvailability: WireValue {
    var proto: ProtoEnvironmentState {
        var proto = ProtoEnvironmentState()
        switch self {
        case .cached: proto.cached = true
        case .toBuild: break
        case .unavailable(let error):
            proto.unavailable = error.message
            if let hint = error.hint { proto.hint = hint }
        }
        return proto
    }

    init(_ proto: ProtoEnvironmentState) {
        if proto.hasUnavailable {
            self = .unavailable(
                ShuntError(
                    .refused, proto.unavailable, hint: proto.hasHint ? proto.hint : nil))
        } else {
            self = proto.cached ? .cached : .toBuild
        }
    }
}

extension EnvironmentView: WireValue {
    var proto: ProtoEnvironments.Entry {
        var proto = ProtoEnvironments.Entry()
        proto.key = key
        proto.sizeBytes = size.bytes
        proto.usedAtMs = usedAt.milliseconds
        proto.inUse = isInUse
        return proto
    }

    init(_ proto: ProtoEnvironments.Entry) throws(WireError) {
        self.init(
            key: proto.key, size: try Field.byteCount(proto.sizeBytes, "environment.size"),
            usedAt: try Field.wallTime(proto.usedAtMs, "environment.used_at"),
            isInUse: proto.inUse)
    }
}
