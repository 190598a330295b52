internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// The images that this agent has had an engine pull, build or load: which ones they are, when each
/// was used last, and their removal. An image that was there before is somebody else's, and never
/// on it. Blocks.
///
/// ```
/// DIR/making/      what is being made; see ``ImageMaker``
/// DIR/kept/KEY     a note of an image; its time is when the image was used last
/// ```
struct ImageShelf: Sendable {
    let directory: String

    var work: String { directory + "/making" }
    private var kept: String { directory + "/kept" }

    /// What all keys begin with, so that they are not those of environments.
    static let prefix = "image-"

    func prepare() throws {
        for path in [work, kept] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw ShuntError(
                    .failed, "cannot make `\(path)`: \(String(cString: strerror(errno)))",
                    hint: "df -h \(directory)")
            }
        }
    }

    /// Notes an image that was made, or made by an earlier agent, or used again.
    func put(_ origin: ImageOrigin, _ facts: ImageFacts, by engine: EngineCommand) throws {
        try put(
            Note(
                engine: engine.engine, names: [origin.reference], image: facts.image.id,
                size: facts.size),
            as: origin.key(facts.image))
    }

    /// Notes what a build has pulled.
    func putPulled(_ name: String, _ engine: EngineCommand) throws {
        guard let facts = try ImageFacts(name, in: engine) else { return }
        try put(.registry(name: name, pinned: nil), facts, by: engine)
    }

    /// Several origins may come to one image: all of its names are kept, or some would stay.
    private func put(_ new: Note, as key: String) throws {
        var note = new
        if let known = self.note(key), known.image == new.image, known.engine == new.engine {
            note.names = new.names + known.names.filter { !new.names.contains($0) }
            note.names.removeLast(max(0, note.names.count - Self.mostNames))
        }
        do throws(SystemError) {
            let opened = try OwnedDescriptor.open(kept, O_RDONLY | O_DIRECTORY)
            try SmallFile.write(note.encoded, to: key, in: opened, durable: false)
        } catch {
            throw ShuntError(error, in: kept)
        }
    }

    /// Of one image; beyond them the oldest are the engine's own to list.
    private static let mostNames = 1000

    /// Notes that an image was used, if it is one of these.
    func touch(_ key: String) { utimensat(AT_FDCWD, kept + "/" + key, nil, 0) }

    /// All of them, the one that was used last first.
    ///
    /// - Parameter images: what tasks that are not over need.
    func list(inUse images: Set<Digest>) -> [EnvironmentView] {
        entries().map { entry in
            EnvironmentView(
                key: entry.key, size: entry.note.size, usedAt: entry.usedAt,
                isInUse: images.contains(entry.note.image))
        }.sorted { ($1.usedAt, $0.key) < ($0.usedAt, $1.key) }
    }

    /// Drops the notes of images that somebody else has removed.
    func forgetGone() {
        let entries = entries()
        for kind in ContainerEngine.allCases {
            let ours = entries.filter { $0.note.engine == kind }
            // An engine that does not answer now may have them all.
            guard !ours.isEmpty, let engine = engine(kind),
                let answer = try? engine.run(
                    ["images", "--all", "--no-trunc", "--quiet"], within: .minutes(2)),
                answer.isSuccess
            else { continue }
            let there = Set(
                answer.text.split(separator: "\n").compactMap { ImageFacts.digest(String($0)) })
            for entry in ours where !there.contains(entry.note.image) {
                unlink(kept + "/" + entry.key)
            }
        }
    }

    private func engine(_ kind: ContainerEngine) -> EngineCommand? {
        ExecutableSearch.find(kind.rawValue).map {
            EngineCommand(engine: kind, executable: $0, directory: work)
        }
    }

    /// - Throws: ``ShuntError`` where there is no such image, or something needs it.
    func remove(_ key: String, inUse images: Set<Digest>) throws -> EnvironmentView {
        guard let view = list(inUse: images).first(where: { $0.key == key }) else {
            throw ShuntError(
                .notFound, "there is no image `\(key)` on this worker", hint: "shunt env ls")
        }
        if view.isInUse {
            throw ShuntError(.refused, "the image `\(key)` is in use", hint: "shunt ps")
        }
        if let problem = try take(key) {
            throw ShuntError(
                .refused, "the image `\(key)` could not be removed: \(problem)",
                hint: "shunt env ls")
        }
        return view
    }

    /// Removes what was not used for longest until the rest fits; never what is in use.
    ///
    /// - Returns: what was removed.
    func collect(
        beyond bound: ByteCount, inUse images: Set<Digest>
    ) throws -> [EnvironmentView] {
        let all = list(inUse: images)
        var total = all.reduce(ByteCount.zero) { $0 + $1.size }
        var removed: [EnvironmentView] = []
        for view in all.reversed() where total > bound && !view.isInUse {
            // One that an engine does not give up is in use by somebody whom nobody told us of.
            if try take(view.key) != nil { continue }
            total = total - view.size
            removed.append(view)
        }
        return removed
    }

    /// Takes an image's name away from it, and with its last name the image itself.
    ///
    /// - Returns: the engine's words where it does not.
    private func take(_ key: String) throws -> String? {
        guard let note = note(key) else { return nil }
        let path = kept + "/" + key
        guard let engine = engine(note.engine) else {
            // With its engine gone there is nothing to remove.
            unlink(path)
            return nil
        }
        // A name that stands for another image by now was given to it by somebody else.
        for name in note.names
        where try ImageFacts(name, in: engine)?.image.id == note.image {
            let answer = try engine.run(["rmi", name], within: .minutes(10))
            guard answer.isSuccess else { return answer.words }
        }
        unlink(path)
        return nil
    }
}

extension ImageShelf {
    /// What is written down of an image: a line for each value, and one for each further name.
    private struct Note {
        var engine: ContainerEngine
        /// By which it is removed, the last given first; at least one.
        var names: [String]
        var image: Digest
        var size: ByteCount

        var encoded: [UInt8] {
            let lines = [engine.rawValue, names[0], image.hex, "\(size.bytes)"] + names.dropFirst()
            return Array(lines.map { $0 + "\n" }.joined().utf8)
        }
    }

    /// - Returns: `nil` for one that is gone, or that a later release wrote.
    private func note(_ key: String) -> Note? {
        let lines = (SmallFile.text(kept + "/" + key) ?? "").split(separator: "\n")
        guard lines.count >= 4, let engine = ContainerEngine(rawValue: String(lines[0])),
            let image = Digest(hex: lines[2]), let size = Int64(lines[3])
        else { return nil }
        return Note(
            engine: engine, names: ([lines[1]] + lines.dropFirst(4)).map(String.init),
            image: image, size: ByteCount(max(0, size)))
    }

    private func entries() -> [(key: String, note: Note, usedAt: WallTime)] {
        // Nothing was made before there is such a directory.
        guard let opened = try? OwnedDescriptor.open(kept, O_RDONLY | O_DIRECTORY),
            // Likewise.
            let names = try? opened.names()
        else { return [] }
        return names.compactMap { key in
            var status = stat()
            guard key.hasPrefix(Self.prefix), let note = note(key),
                stat(kept + "/" + key, &status) == 0
            else { return nil }
            let milliseconds =
                Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
            return (key, note, WallTime(milliseconds: max(0, milliseconds)))
        }
    }
}
