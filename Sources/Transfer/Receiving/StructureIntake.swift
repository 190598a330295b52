internal import ContentStore
internal import JobModel
internal import Synchronization
internal import Wire

/// What the receiver of a tree has said about trees, and the directories and metadata that have
/// come since: kept in memory until the files are there too, checked as they come, and walked from
/// the root before any of it is believed.
///
/// Methods block; they are called one after the other.
final class StructureIntake: Sendable {
    let root: TreeReference
    private let inventory: TreeInventory
    private let state: Mutex<State>

    private enum Kind: Sendable {
        case directory
        case metadata
    }

    private struct State {
        var survey: TreeInventory.Survey
        var answers: [TreeReference: TreeAnswer] = [:]
        /// What the sender now has to send.
        var awaited: [Digest: Kind] = [:]
        var received: [Digest: [UInt8]] = [:]
        var receivedBytes = 0
        /// Trees that were not whole and do belong to the root, parents first: nothing that came
        /// beside them is kept.
        var walked: [TreeReference] = []
        /// An object of which some parts have come.
        var partial: (part: ObjectPart, bytes: [UInt8])?
    }

    init(_ root: TreeReference, _ inventory: TreeInventory) {
        self.root = root
        self.inventory = inventory
        state = Mutex(State(survey: TreeInventory.Survey(inventory: inventory)))
    }

    /// Answers a question, and from then on waits for what it said is missing.
    func answer(_ trees: [TreeReference]) throws -> [TreeAnswer] {
        try state.withLock { state in
            try trees.map { tree in
                if let answer = state.answers[tree] { return answer }
                let answer = try state.survey.answer(tree)
                state.answers[tree] = answer
                if answer.lacksDirectory { state.awaited[tree.content] = .directory }
                if answer.isIncomplete { state.awaited[tree.metadata] = .metadata }
                return answer
            }
        }
    }

    func take(_ batch: ObjectBatch) throws {
        let bytes = try BodyCodec.decode(batch.body, size: batch.size)
        try state.withLock { state in
            guard state.partial == nil else { throw TransferFault.outOfOrder }
            var offset = 0
            for item in batch.items {
                try accept(item.digest, Array(bytes[offset..<offset + item.size]), &state)
                offset += item.size
            }
        }
    }

    func take(_ part: ObjectPart) throws {
        let bytes = try BodyCodec.decode(part.body, size: part.size)
        try state.withLock { state in
            var whole: [UInt8] = []
            if let (first, before) = state.partial {
                guard part.digest == first.digest, part.objectSize == first.objectSize else {
                    throw TransferFault.outOfOrder
                }
                whole = before
                state.partial = nil
            } else {
                guard state.awaited[part.digest] != nil else { throw TransferFault.unasked }
            }
            guard part.offset == Int64(whole.count) else { throw TransferFault.outOfOrder }
            try checkRoom(for: part.objectSize, state)
            whole += bytes
            if Int64(whole.count) == part.objectSize {
                try accept(part.digest, whole, &state)
            } else {
                state.partial = (
                    ObjectPart(
                        digest: part.digest, objectSize: part.objectSize, offset: 0, size: 0,
                        body: EncodedBody(bytes: [])), whole
                )
            }
        }
    }

    private func accept(_ digest: Digest, _ bytes: [UInt8], _ state: inout State) throws {
        guard let kind = state.awaited.removeValue(forKey: digest) else {
            throw TransferFault.unasked
        }
        guard ContentHasher.digest(of: bytes) == digest else { throw TransferFault.wrongDigest }
        try checkRoom(for: Int64(bytes.count), state)
        do {
            switch kind {
            case .directory: _ = try TreeDirectory(decoding: bytes)
            case .metadata: _ = try TreeMetadata(decoding: bytes)
            }
        } catch let error as TreeError {
            throw error.asShuntError
        }
        state.received[digest] = bytes
        state.receivedBytes += bytes.count
    }

    private func checkRoom(for size: Int64, _ state: State) throws {
        guard size <= TransferLimits.structureObject,
            state.receivedBytes + Int(size) <= TransferLimits.structureBytes
        else {
            throw TransferFault.tooLarge(
                "directories of \(state.receivedBytes + Int(clamping: size)) bytes",
                limit: TransferLimits.structureBytes)
        }
    }
}

/// Once all directories have come.
extension StructureIntake {
    /// Walks the tree and lists the files that its incomplete parts name.
    ///
    /// - Throws: ``ShuntError`` for a tree that is not what it says, or has parts that nobody
    ///   announced.
    func files() throws -> [TreeObjects.File] {
        try state.withLock { state in
            guard state.awaited.isEmpty, state.partial == nil else {
                throw TransferFault.incomplete
            }
            var totals: [Digest: TreeTotals] = [:]
            let rootTotals = try directory(root.content, state).totals
            guard rootTotals.files <= TransferLimits.entries,
                rootTotals.directories <= TransferLimits.entries
            else {
                throw TransferFault.tooLarge(
                    "\(rootTotals.files) files and \(rootTotals.directories) directories",
                    limit: Int(TransferLimits.entries))
            }
            let answers = state.answers
            var walked: [TreeReference] = []
            let files = try filesOfIncompleteTrees(
                below: root, isIncomplete: { answers[$0]?.isIncomplete }
            ) { tree in
                walked.append(tree)
                let level = try self.level(tree, state)
                try check(level.children, &totals, state)
                return level
            }
            state.walked = walked
            return files
        }
    }

    /// A plan believes what a directory says about those below it, so it has to be true.
    private func check(
        _ children: [TreeLevel.Child], _ known: inout [Digest: TreeTotals], _ state: State
    ) throws {
        for child in children {
            let actual: TreeTotals
            if let totals = known[child.tree.content] {
                actual = totals
            } else {
                actual = try directory(child.tree.content, state).totals
                known[child.tree.content] = actual
            }
            guard actual == child.totals else {
                throw TreeError(path: .root, problem: .totalsDisagree).asShuntError
            }
        }
    }

    /// Adds what came to the store, children before parents; it waits there for a flush.
    func commit() throws {
        try state.withLock { state in
            for tree in state.walked.reversed() {
                for digest in [tree.metadata, tree.content] {
                    guard let bytes = state.received.removeValue(forKey: digest) else { continue }
                    try inventory.store.insert(bytes)
                }
            }
        }
    }

    /// Called once everything is durable.
    func rememberAsWhole() {
        inventory.remember(state.withLock(\.walked))
    }

    private func level(_ tree: TreeReference, _ state: State) throws -> TreeLevel {
        let directory = try directory(tree.content, state)
        guard let bytes = state.received[tree.metadata] else {
            return try TreeLevel(
                directory, inventory.store.metadata(tree.metadata, of: directory))
        }
        do {
            return try TreeLevel(directory, TreeMetadata(decoding: bytes))
        } catch let error as TreeError {
            throw error.asShuntError
        }
    }

    private func directory(_ digest: Digest, _ state: State) throws -> TreeDirectory {
        guard let bytes = state.received[digest] else {
            return try inventory.store.directory(digest)
        }
        do {
            return try TreeDirectory(decoding: bytes)
        } catch let error as TreeError {
            throw error.asShuntError
        }
    }
}
