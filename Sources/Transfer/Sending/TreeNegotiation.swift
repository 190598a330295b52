internal import ContentStore
internal import JobModel
internal import Synchronization
internal import Wire

/// Finds out, from the sender's side, which parts of a tree the receiver lacks: asks about the
/// children of what is not whole, and about trees further down as a guess, so that a tree needs
/// fewer rounds than it has levels. The guess grows while most of the answers are "missing", as
/// they are for a tree that the receiver has never seen.
///
/// Methods block; they are called one after the other.
final class TreeNegotiation: Sendable {
    let root: TreeReference
    private let store: ObjectStore
    private let state: Mutex<State>

    private struct State {
        var answers: [TreeReference: TreeAnswer] = [:]
        /// Not whole, in the order in which that was found.
        var incomplete: [TreeReference] = []
        var isIncomplete: Set<TreeReference> = []
        /// How many of ``incomplete`` have had their children looked at.
        var expanded = 0
        /// Asked about, other than as a guess.
        var asked: [TreeReference]
        var guessLimit = TransferLimits.guess

        /// Goes on to the trees that there are answers about.
        mutating func note(_ tree: TreeReference) {
            guard answers[tree]?.isIncomplete == true, isIncomplete.insert(tree).inserted else {
                return
            }
            incomplete.append(tree)
        }
    }

    init(_ root: TreeReference, in store: ObjectStore) {
        self.root = root
        self.store = store
        state = Mutex(State(asked: [root]))
    }

    /// What to ask first beside the root: a guess.
    func firstGuess() throws -> [TreeReference] {
        try state.withLock { state in
            try guess(below: [root], limit: state.guessLimit) { $0 == root }
        }
    }

    /// What to ask next; empty when everything is known.
    func nextQuestion() throws -> [TreeReference] {
        try state.withLock { state in
            for tree in state.asked { state.note(tree) }
            state.asked = []
            var asked: Set<TreeReference> = []
            while state.expanded < state.incomplete.count {
                let tree = state.incomplete[state.expanded]
                state.expanded += 1
                for child in try TreeLevel(tree, in: store).children {
                    if state.answers[child.tree] != nil {
                        state.note(child.tree)
                    } else if asked.insert(child.tree).inserted {
                        state.asked.append(child.tree)
                    }
                }
            }
            if state.asked.isEmpty { return [] }
            let guess = try guess(below: state.asked, limit: state.guessLimit) {
                asked.contains($0) || state.answers[$0] != nil
            }
            return state.asked + guess
        }
    }

    /// Takes the answers to a question or to a part of it.
    func learn(_ answers: [TreeAnswer], about trees: some Collection<TreeReference>) {
        state.withLock { state in
            var missing = 0
            for (tree, answer) in zip(trees, answers) {
                state.answers[tree] = answer
                if answer.isIncomplete { missing += 1 }
            }
            state.guessLimit =
                missing * 2 > answers.count
                ? min(state.guessLimit * 4, WireLimits.treesPerBody / 2) : TransferLimits.guess
        }
    }

    /// Trees below `trees`, in breadth, as many as make the question `limit` long.
    private func guess(
        below trees: [TreeReference], limit: Int, isKnown: (TreeReference) -> Bool
    ) throws -> [TreeReference] {
        var guess: [TreeReference] = []
        var seen: Set<TreeReference> = []
        var waiting = trees
        var next = 0
        while next < waiting.count, trees.count + guess.count < limit {
            let children = try TreeLevel(waiting[next], in: store).children
            next += 1
            for child in children where trees.count + guess.count < limit {
                guard !isKnown(child.tree), seen.insert(child.tree).inserted else { continue }
                guess.append(child.tree)
                waiting.append(child.tree)
            }
        }
        return guess
    }
}

/// What follows from the answers.
extension TreeNegotiation {
    /// Directory objects that the receiver lacks, and metadata objects of what it does not have
    /// whole, each once.
    func structure() throws -> [TreeObjects.File] {
        try state.withLock { state in
            var seen: Set<Digest> = []
            var objects: [TreeObjects.File] = []
            func add(_ digest: Digest) throws {
                guard seen.insert(digest).inserted else { return }
                guard let size = try store.size(of: digest) else {
                    throw ShuntError(
                        .notFound, "object `\(digest.short)` is not in the store any more",
                        hint: "shunt ps -a")
                }
                objects.append(TreeObjects.File(digest: digest, size: size))
            }
            for tree in state.incomplete {
                if state.answers[tree]?.lacksDirectory == true { try add(tree.content) }
                try add(tree.metadata)
            }
            return objects
        }
    }

    /// The files that the receiver may lack, in the order of
    /// ``filesOfIncompleteTrees(below:isIncomplete:level:)``.
    func files() throws -> [TreeObjects.File] {
        try state.withLock { state in
            guard state.isIncomplete.contains(root) else { return [] }
            return try filesOfIncompleteTrees(
                below: root, isIncomplete: { state.answers[$0]?.isIncomplete },
                level: { try TreeLevel($0, in: store) })
        }
    }
}
