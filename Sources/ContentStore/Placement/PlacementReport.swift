package import JobModel

/// Where outputs go, and what decides whether a file may be replaced.
package struct PlacementRequest: Sendable {
    /// The tree that the job left; all its objects are in the store.
    package var outputs: TreeReference
    /// The snapshot that the job started from, if the target is the directory that it was taken
    /// of: a file that is still as it was then may be replaced. `nil` for any other directory,
    /// where nothing is ever replaced. Its directory objects are in the store.
    package var base: TreeReference?
    /// The person's directory; made, but not its parents, if it does not exist.
    package var target: RawPath
    /// What the names of files beside others say, after `shunt-`: the job's ID. One name's worth
    /// of letters and digits.
    package var label: String
    /// What to place; `nil` for everything.
    package var patterns: PathPatterns?

    package init(
        outputs: TreeReference, base: TreeReference?, target: RawPath, label: String,
        patterns: PathPatterns? = nil
    ) {
        self.outputs = outputs
        self.base = base
        self.target = target
        self.label = label
        self.patterns = patterns
    }
}

/// What became of each output. Paths are relative to the target; each list ascends.
package struct PlacementReport: Sendable, Hashable {
    /// New here, or replaced because nobody had touched them since the snapshot.
    package var placed: [RawPath] = []
    /// Were here already, byte for byte.
    package var unchanged: [RawPath] = []
    /// Were edited here meanwhile, or are here without a common base.
    package var conflicts: [PlacementConflict] = []
    /// Not placed at all: links that lead out of the target, and `.git`.
    package var refused: [RawPath] = []
    /// Patterns of the request that name nothing in the outputs.
    package var unmatched: [String] = []
    /// Bytes of what was written, beside others included.
    package var bytes = ByteCount.zero
}

/// An output that found its name taken.
package struct PlacementConflict: Sendable, Hashable {
    /// What is here and stays as it is.
    package var path: RawPath
    /// Where the output lies instead.
    package var beside: RawPath
    package var cause: Cause

    /// Why the name could not be given to the output.
    package enum Cause: Sendable, Hashable {
        /// It is not what the job began with.
        case changedHere
        /// The output is a file, and what is here a directory, which is never removed.
        case directoryHere
        /// The output is a directory, and what is here is none.
        case noDirectoryHere
    }

    package init(path: RawPath, beside: RawPath, cause: Cause = .changedHere) {
        self.path = path
        self.beside = beside
        self.cause = cause
    }
}

/// The name of a file that lands beside another: `model.joblib` becomes
/// `model.shunt-7f3k2a.joblib`, so that its extension still opens it. Two extensions stay together
/// where the first is `tar` (`data.shunt-7f3k2a.tar.gz`); a leading dot is no extension
/// (`.env.shunt-7f3k2a`). A further one of the same name gets a number: `shunt-7f3k2a-2`. What
/// would be longer than 255 bytes loses bytes before the `.shunt-`.
func besideName(_ name: [UInt8], label: String, attempt: Int) -> [UInt8] {
    let dot = UInt8(ascii: ".")
    var cut = name.count
    if let last = name.lastIndex(of: dot), last > 0, name.count - last <= 32 {
        cut = last
        let stem = name[..<last]
        if let before = stem.lastIndex(of: dot), before > 0,
            stem[before...] == Array(".tar".utf8)[...]
        {
            cut = before
        }
    }
    // A name of dots alone has no stem to speak of.
    if name[..<cut].allSatisfy({ $0 == dot }) { cut = name.count }
    let mark = Array(".shunt-\(label)\(attempt > 1 ? "-\(attempt)" : "")".utf8)
    let fileExtension = name[cut...]
    let room = TreeRules.longestName - mark.count - fileExtension.count
    var stem = name[..<min(cut, max(1, room))]
    // Not in the middle of a character.
    while stem.count < cut, stem.count > 1, name[stem.endIndex] & 0xC0 == 0x80 { stem.removeLast() }
    return Array(stem) + mark + fileExtension
}
