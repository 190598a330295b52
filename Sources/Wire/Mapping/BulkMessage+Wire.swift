internal import JobModel

/// Bulk messages as frames: the message is the header, lists and bytes are the body.
extension BulkMessage {
    /// - Throws: ``WireError/oversized(part:length:limit:)`` where a list or a body of ours is
    ///   larger than the protocol allows.
    func frame() throws(WireError) -> Frame {
        var proto = ProtoBulkMessage()
        var body: [UInt8] = []
        proto.kind = try kind(body: &body)
        let header = encodedBytes(of: proto)
        try Frame.check(header: header.count, body: body.count)
        return Frame(header: header, body: body)
    }

    private func kind(body: inout [UInt8]) throws(WireError) -> ProtoBulkMessage.OneOf_Kind {
        switch self {
        case .readLog, .tailLog, .checkEnvironment, .environments, .examineData, .secrets,
            .queryFiles, .queryTrees, .push, .pull:
            return try request(body: &body)
        case .failure, .logPage, .logOffset, .environmentState, .environmentList,
            .dataFingerprint, .secretsKept, .bitmap:
            return try answer(body: &body)
        case .offer, .objects, .part, .end, .complete, .wanted:
            return try transfer(body: &body)
        }
    }

    private func request(body: inout [UInt8]) throws(WireError) -> ProtoBulkMessage.OneOf_Kind {
        switch self {
        case .readLog(let request):
            return .readLog(request.proto)
        case .tailLog(let token, let lines, let streams):
            var proto = ProtoTailLog()
            proto.token = token.proto
            proto.lines = lines
            // In one order, so that a message has one encoding.
            proto.streams = streams.map { UInt32($0.rawValue) }.sorted()
            return .tailLog(proto)
        case .checkEnvironment(let software):
            var proto = ProtoCheckEnvironment()
            proto.software = software.proto
            return .checkEnvironment(proto)
        case .environments(let request):
            var proto = ProtoEnvironmentsRequest()
            if case .remove(let key) = request { proto.remove = key }
            return .environmentsRequest(proto)
        case .secrets(let token, let secrets):
            body = secrets.flatMap(\.bytes)
            return .secrets(ProtoSecrets(token, secrets))
        case .examineData(let path):
            var proto = ProtoExamineData()
            proto.path = path
            return .examineData(proto)
        case .queryFiles(let digests):
            var proto = ProtoQuery()
            proto.kind = .files
            body = try digests.packed()
            return .query(proto)
        case .queryTrees(let trees):
            var proto = ProtoQuery()
            proto.kind = .trees
            body = try trees.packed()
            return .query(proto)
        case .push:
            return .push(ProtoPush())
        case .pull(let scope, let compressed):
            var proto = ProtoPull()
            proto.compressed = compressed
            switch scope {
            case .tree(let tree): proto.tree = tree.proto
            case .listed(let digests):
                proto.listed = ProtoPull.Listed()
                body = try digests.packed()
            }
            return .pull(proto)
        case .failure, .logPage, .logOffset, .environmentState, .environmentList,
            .dataFingerprint, .secretsKept, .bitmap, .offer, .objects, .part, .end, .complete,
            .wanted:
            preconditionFailure("not a request")
        }
    }

    private func answer(body: inout [UInt8]) throws(WireError) -> ProtoBulkMessage.OneOf_Kind {
        switch self {
        case .failure(let error):
            return .failure(error.cut(to: WireLimits.header / 4).proto)
        case .logPage(let page):
            var proto = ProtoLogPage()
            proto.nextOffset = page.nextOffset
            proto.complete = page.isComplete
            proto.more = page.hasMore
            body = page.bytes
            return .logPage(proto)
        case .logOffset(let offset):
            var proto = ProtoLogOffset()
            proto.offset = offset.offset
            proto.skip = offset.skip
            return .logOffset(proto)
        case .environmentState(let state):
            return .environmentState(state.proto)
        case .environmentList(let environments):
            var proto = ProtoEnvironments()
            proto.entries = environments.map(\.proto)
            return .environments(proto)
        case .secretsKept:
            return .secretsKept(ProtoSecretsKept())
        case .dataFingerprint(let fingerprint):
            return .dataFingerprint(fingerprint.proto)
        case .bitmap(let bitmap):
            var proto = ProtoBitmap()
            proto.count = UInt32(clamping: bitmap.count)
            body = bitmap.bytes
            return .bitmap(proto)
        case .readLog, .tailLog, .checkEnvironment, .environments, .examineData, .secrets,
            .queryFiles,
            .queryTrees, .push, .pull, .offer, .objects, .part, .end, .complete, .wanted:
            preconditionFailure("not an answer")
        }
    }

    private func transfer(body: inout [UInt8]) throws(WireError) -> ProtoBulkMessage.OneOf_Kind {
        switch self {
        case .offer(let tree, let guess):
            var proto = ProtoOffer()
            proto.tree = tree.proto
            body = try guess.packed()
            return .offer(proto)
        case .objects(let batch):
            body = batch.body.bytes
            return .objects(batch.proto)
        case .part(let part):
            body = part.body.bytes
            return .objectPart(part.proto)
        case .end:
            return .end(ProtoEnd())
        case .complete(let unchanged):
            var proto = ProtoComplete()
            proto.unchanged = unchanged
            return .complete(proto)
        case .wanted(let bitmap, let partials):
            var proto = ProtoWanted()
            proto.count = UInt32(clamping: bitmap.count)
            proto.partials = partials.map(\.proto)
            body = bitmap.bytes
            return .wanted(proto)
        case .failure, .readLog, .tailLog, .checkEnvironment, .environments, .examineData,
            .secrets, .queryFiles, .queryTrees, .push, .pull, .logPage, .logOffset,
            .environmentState, .environmentList, .dataFingerprint, .secretsKept, .bitmap:
            preconditionFailure("not a part of a transfer")
        }
    }
}

extension BulkMessage {
    /// - Throws: ``WireError``; a kind of a newer release is an error here, since somebody waits
    ///   for its answer.
    init(_ frame: Frame) throws(WireError) {
        let proto = try decodedMessage(ProtoBulkMessage.self, from: frame.header)
        guard let kind = proto.kind else {
            throw WireError.unknown(field: "bulk.kind", raw: 0)
        }
        let body = frame.body
        switch kind {
        case .failure(let failure): self = .failure(try ShuntError(failure))
        case .readLog(let request): self = .readLog(try ReadLog(request))
        case .tailLog(let request):
            self = .tailLog(
                try StartToken(
                    Field.required(request.hasToken ? request.token : nil, "tail_log.token")),
                lines: request.lines, streams: Set(logStreams: request.streams))
        case .checkEnvironment(let request):
            self = .checkEnvironment(
                try SoftwareEnvironment(
                    Field.required(
                        request.hasSoftware ? request.software : nil,
                        "check_environment.software")))
        case .environmentsRequest(let request):
            self = .environments(request.hasRemove ? .remove(key: request.remove) : .list)
        case .secrets(let request): self = try .secrets(request, body: body)
        case .examineData(let request): self = try .examining(request.path)
        case .query(let query):
            switch query.kind {
            case .files: self = .queryFiles(try [Digest](packed: body))
            case .trees: self = .queryTrees(try [TreeReference](packed: body))
            case .unspecified, .UNRECOGNIZED:
                throw WireError.unknown(field: "query.kind", raw: query.kind.rawValue)
            }
        case .push: self = .push
        case .pull(let pull):
            self = .pull(try PullScope(pull, body: body), compressed: pull.compressed)
        case .logPage(let page):
            self = .logPage(
                LogPage(
                    bytes: body, nextOffset: page.nextOffset, isComplete: page.complete,
                    hasMore: page.more))
        case .logOffset(let answer):
            self = .logOffset(LogOffset(offset: answer.offset, skip: answer.skip))
        case .environmentState(let state):
            self = .environmentState(EnvironmentAvailability(state))
        case .environments(let list):
            self = .environmentList(
                try list.entries.map { entry throws(WireError) in try EnvironmentView(entry) })
        case .secretsKept: self = .secretsKept
        case .dataFingerprint(let fingerprint):
            self = .dataFingerprint(try DataFingerprint(fingerprint))
        case .bitmap(let bitmap):
            self = .bitmap(try MissingBitmap(checking: body, count: bitmap.count))
        case .offer(let offer):
            self = .offer(
                try TreeReference(
                    Field.required(offer.hasTree ? offer.tree : nil, "offer.tree")),
                guess: try [TreeReference](packed: body))
        case .objects(let objects): self = .objects(try ObjectBatch(objects, body: body))
        case .objectPart(let part): self = .part(try ObjectPart(part, body: body))
        case .end: self = .end
        case .complete(let complete): self = .complete(unchanged: complete.unchanged)
        case .wanted(let wanted):
            self = .wanted(
                try MissingBitmap(checking: body, count: wanted.count),
                partials: try wanted.partials.map { partial throws(WireError) in
                    try PartialObject(partial)
                })
        }
    }
}

extension BulkMessage {
    private static func examining(_ path: String) throws(WireError) -> BulkMessage {
        guard Dataset.isPath(path) else {
            throw WireError.invalid("examine_data.path", path)
        }
        return .examineData(path: path)
    }
}

extension ReadLog: WireValue {
    var proto: ProtoReadLog {
        var proto = ProtoReadLog()
        proto.token = token.proto
        proto.offset = offset
        proto.maximumBytes = UInt32(clamping: maximumBytes)
        proto.waitMs = UInt32(clamping: wait.count)
        proto.furtherPages = UInt32(clamping: furtherPages)
        return proto
    }

    init(_ proto: ProtoReadLog) throws(WireError) {
        self.init(
            token: try StartToken(
                Field.required(proto.hasToken ? proto.token : nil, "read_log.token")),
            offset: proto.offset,
            maximumBytes: try Field.number(
                Int(proto.maximumBytes), in: 1...WireLimits.body, "read_log.maximum_bytes"),
            wait: Milliseconds(Int64(min(proto.waitMs, WireLimits.logWait))),
            furtherPages: Int(min(proto.furtherPages, WireLimits.furtherLogPages)))
    }
}

extension MissingBitmap {
    fileprivate init(checking bytes: [UInt8], count: UInt32) throws(WireError) {
        guard let bitmap = MissingBitmap(count: Int(count), bytes: bytes) else {
            throw WireError.invalid("bitmap.count", count)
        }
        self = bitmap
    }
}

extension PullScope {
    fileprivate init(_ proto: ProtoPull, body: [UInt8]) throws(WireError) {
        switch try Field.required(proto.scope, "pull.scope") {
        case .tree(let tree): self = .tree(try TreeReference(tree))
        case .listed: self = .listed(try [Digest](packed: body))
        }
    }
}

extension ShuntError {
    /// Texts of ours that name what a user gave can be long; a message that says less arrives.
    fileprivate func cut(to limit: Int) -> ShuntError {
        func cut(_ text: String) -> String {
            text.utf8.count <= limit ? text : String(text.prefix(limit / 16)) + "…"
        }
        return ShuntError(code, cut(message), hint: hint.map(cut))
    }
}

extension Set<LogStream> {
    /// Streams that this release does not know have no lines here.
    fileprivate init(logStreams: [UInt32]) {
        self = Set(logStreams.compactMap { UInt8(exactly: $0).flatMap(LogStream.init(rawValue:)) })
    }
}
