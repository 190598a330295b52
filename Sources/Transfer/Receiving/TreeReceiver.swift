internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Wire

/// The receiving end of a transfer of a tree. It says `complete` only once the tree and everything
/// below it is durable in the store.
struct TreeReceiver: Sendable {
    let connection: BulkConnection
    let inventory: TreeInventory
    let executor: BlockingExecutor
    let onProgress: @Sendable (TransferProgress) -> Void

    struct Outcome: Sendable {
        var tree: TreeReference
        var objectsReceived = 0
        var wasComplete = false
    }

    /// Waits for an offer and takes what is missing of it. The caller tells the sender of what is
    /// thrown.
    ///
    /// - Parameter expected: the tree that was asked for; any, where it was not we who asked.
    func receive(_ expected: TreeReference?) async throws -> Outcome {
        let message = try await connection.expect()
        guard case .offer(let tree, let guess) = message else {
            throw TransferFault.unexpected(message.kindName)
        }
        guard expected == nil || expected == tree else { throw TransferFault.otherTree }

        let structure = StructureIntake(tree, inventory)
        let answers = try await executor.run { [store = inventory.store] in
            let answers = try structure.answer([tree] + guess)
            // What is here may have been put here by somebody who has not flushed yet.
            if !answers[0].isIncomplete { try store.flush() }
            return answers
        }
        guard answers[0].isIncomplete else {
            try await connection.send(.complete(unchanged: true))
            return Outcome(tree: tree, wasComplete: true)
        }
        try await connection.send(.bitmap(TreeAnswer.bitmap(of: answers)))
        let structureCount = try await receiveStructure(structure)
        let fileCount = try await receiveFiles(structure)
        try await executor.run { [store = inventory.store] in
            try structure.commit()
            try store.flush()
            structure.rememberAsWhole()
        }
        try await connection.send(.complete(unchanged: false))
        return Outcome(tree: tree, objectsReceived: structureCount + fileCount)
    }

    /// Answers questions and takes directories until their end.
    ///
    /// - Returns: how many objects came.
    private func receiveStructure(_ structure: StructureIntake) async throws -> Int {
        var count = 0
        while true {
            switch try await connection.expect() {
            case .queryTrees(let trees):
                let answers = try await executor.run { try structure.answer(trees) }
                try await connection.send(.bitmap(TreeAnswer.bitmap(of: answers)))
            case .objects(let batch):
                try await executor.run { try structure.take(batch) }
                count += batch.items.count
            case .part(let part):
                try await executor.run { try structure.take(part) }
                if part.offset == 0 { count += 1 }
            case .end:
                return count
            case let other:
                throw TransferFault.unexpected(other.kindName)
            }
        }
    }

    /// - Returns: how many files came.
    private func receiveFiles(_ structure: StructureIntake) async throws -> Int {
        let (bitmap, missing) = try await executor.run { [store = inventory.store] in
            var bitmap = MissingBitmap()
            var missing: [TreeObjects.File] = []
            for file in try structure.files() {
                var size = try store.size(of: file.digest)
                if size != nil, size != file.size {
                    // Either it was cut short here, or the peer is wrong about it.
                    guard try !store.isUndamaged(file.digest) else { throw TransferFault.sizes }
                    size = nil
                }
                bitmap.append(size == nil)
                if size == nil { missing.append(file) }
            }
            return (bitmap, missing)
        }
        let intake = ContentIntake(
            missing, into: inventory.store, on: executor, partials: inventory.partials,
            onProgress: onProgress)
        try await connection.send(.wanted(bitmap, partials: intake.resume(missing)))
        try await intake.receive(from: connection)
        return missing.count
    }
}
