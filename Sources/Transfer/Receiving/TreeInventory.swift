package import ContentStore
package import JobModel
internal import Synchronization

/// Answers whether a store holds a tree with everything below it. What was found whole is
/// remembered, so that an unchanged tree costs a look-up and an edit only the directories on its
/// path; the first question about a tree looks at every object of it.
///
/// What it remembers holds until an object is taken out of the store, by whichever process: the
/// store's ``ObjectStore/removalStamp()`` tells. One inventory serves a whole process, whose
/// transfers also keep there what was cut in the middle; its methods block.
package final class TreeInventory: Sendable {
    package let store: ObjectStore
    let partials = PartialObjects()
    private let memory = Mutex(Memory())

    private struct Memory {
        var whole: Set<TreeReference> = []
        /// Of the store when the first of them was found.
        var stamp: FileStat?
    }

    package init(store: ObjectStore) {
        self.store = store
    }

    /// Whether nothing of the tree is missing. What this finds may not be durable before the next
    /// ``ObjectStore/flush()``.
    ///
    /// - Throws: ``ShuntError`` where an object that should be a directory is none.
    package func isWhole(_ tree: TreeReference) throws -> Bool {
        var survey = Survey(inventory: self)
        return try survey.isWhole(tree)
    }

    func remembers(_ tree: TreeReference) -> Bool {
        memory.withLock { $0.whole.contains(tree) }
    }

    func remember(_ trees: some Sequence<TreeReference>) {
        memory.withLock { memory in
            for tree in trees {
                // Starting over is simpler than knowing which are old, and costs one more look.
                if memory.whole.count >= TransferLimits.rememberedTrees { memory.whole.removeAll() }
                memory.whole.insert(tree)
            }
        }
    }

    /// Drops what is remembered if an object has been taken out of the store since. Called before
    /// each look.
    fileprivate func forgetWhatMayBeGone() throws {
        let stamp = try store.removalStamp()
        memory.withLock { memory in
            if memory.stamp == stamp { return }
            memory = Memory(stamp: stamp)
        }
    }
}

extension TreeInventory {
    /// A look at several trees at one time: what one question finds out, the next one knows. Trees
    /// of any depth are walked without recursion.
    struct Survey {
        private let inventory: TreeInventory
        private var known: [TreeReference: Bool] = [:]

        init(inventory: TreeInventory) {
            self.inventory = inventory
        }

        /// A tree whose children are being looked at.
        private struct Level {
            let tree: TreeReference
            let children: [TreeLevel.Child]
            var next = 0
            var isWhole: Bool
        }

        mutating func answer(_ tree: TreeReference) throws -> TreeAnswer {
            if try isWhole(tree) { return .whole }
            return TreeAnswer(
                isIncomplete: true,
                lacksDirectory: try !inventory.store.contains(tree.content))
        }

        mutating func isWhole(_ root: TreeReference) throws -> Bool {
            try inventory.forgetWhatMayBeGone()
            if let answer = remembered(root) { return answer }
            var levels = [try open(root)]
            while var level = levels.popLast() {
                guard level.next < level.children.count else {
                    settle(level)
                    if !level.isWhole, !levels.isEmpty {
                        levels[levels.count - 1].isWhole = false
                    }
                    continue
                }
                let child = level.children[level.next].tree
                if let answer = remembered(child) {
                    level.next += 1
                    if !answer { level.isWhole = false }
                    levels.append(level)
                } else {
                    // Comes back here once the child is settled.
                    levels.append(level)
                    levels.append(try open(child))
                }
            }
            return known[root] ?? false
        }

        private func remembered(_ tree: TreeReference) -> Bool? {
            known[tree] ?? (inventory.remembers(tree) ? true : nil)
        }

        private mutating func settle(_ level: Level) {
            known[level.tree] = level.isWhole
            if level.isWhole { inventory.remember(CollectionOfOne(level.tree)) }
        }

        private func open(_ tree: TreeReference) throws -> Level {
            let store = inventory.store
            guard try store.contains(tree.content), try store.contains(tree.metadata) else {
                return Level(tree: tree, children: [], isWhole: false)
            }
            let level: TreeLevel
            do {
                level = try TreeLevel(tree, in: store)
            } catch let error as ShuntError where error.code == .notFound {
                // Damaged, as its reader found, which moved it aside.
                return Level(tree: tree, children: [], isWhole: false)
            }
            let hasFiles = try level.files.allSatisfy { file in
                try store.size(of: file.digest) == file.size
            }
            return Level(tree: tree, children: level.children, isWhole: hasFiles)
        }
    }
}
