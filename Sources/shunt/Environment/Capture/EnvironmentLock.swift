internal import JobModel

/// What of a captured environment can be built elsewhere, and what cannot.
struct EnvironmentLock: Hashable {
    /// Lines of a requirements file, each a pin, in the order of their names.
    var pins: [String] = []
    /// Directories and archives of this machine that go along, by the name that they get.
    var sources: [Source] = []
    /// Editable installs of the job's own directory.
    var live: [Live] = []
    /// What has no counterpart elsewhere, a line each.
    var gaps: [String] = []
    /// What may be wanting there.
    var warnings: [String] = []

    /// A file or directory of this machine.
    struct Source: Hashable {
        /// How indexes would call what it installs.
        var distribution: String
        /// Of an archive, its file name.
        var name: String
        var path: String
        /// Of an archive, `sha256=…` of what was installed, where the installer wrote it down.
        var hash: String?
    }

    /// One whose code the job brings along.
    struct Live: Hashable {
        /// How indexes would call it.
        var distribution: String
        var install: CapturedEnvironment.LiveInstall
    }

    /// How many distributions it has.
    var count: Int { pins.count + sources.count + live.count }

    /// Where the code of live ones is imported from, relative to the job's directory; `nil` where
    /// there are none.
    var importPaths: [String]? {
        live.isEmpty ? nil : Set(live.flatMap(\.install.paths)).sorted()
    }

    /// - Parameter exists: whether this machine has a file or directory of that path.
    init(_ captured: CapturedEnvironment, exists: (String) -> Bool) {
        var ofLocalVersion: [String] = []
        var lent: [String] = []
        let named = captured.distributions.map { (Self.normal($0.name ?? ""), $0) }
        for (name, distribution) in named.sorted(by: { $0.0 < $1.0 }) {
            guard distribution.system != true else {
                lent.append(name)
                continue
            }
            add(name, distribution, exists: exists)
            if distribution.version?.contains("+") == true { ofLocalVersion.append(name) }
        }
        if !lent.isEmpty {
            gaps.append(
                "\(Self.list(lent)): \(lent.count == 1 ? "belongs" : "belong") to the system's "
                    + "Python, which lends \(lent.count == 1 ? "it" : "them") here")
        }
        addIndexes(captured.indexes, for: ofLocalVersion)
    }

    private mutating func add(
        _ name: String, _ distribution: CapturedEnvironment.Distribution, exists: (String) -> Bool
    ) {
        guard Self.isName(name) else {
            let file = distribution.where
            gaps.append("a distribution without a name in `\(Quoting.visible(file))`")
            return
        }
        if let install = distribution.live {
            live.append(Live(distribution: name, install: install))
        } else if let source = distribution.source {
            sources.append(Source(distribution: name, name: name, path: source))
        } else if let direct = distribution.direct {
            addDirect(name, direct, exists: exists)
        } else if let version = distribution.version, Self.isVersion(version) {
            pins.append("\(name)==\(version)")
        } else {
            gaps.append("\(name): has no version")
        }
    }

    private mutating func addDirect(
        _ name: String, _ direct: CapturedEnvironment.DirectURL, exists: (String) -> Bool
    ) {
        let below = direct.subdirectory.map { "subdirectory=\($0)" }
        if let vcs = direct.vcs {
            guard let commit = vcs.commit, !commit.isEmpty else {
                gaps.append("\(name): comes from \(vcs.vcs), at no commit that is known")
                return
            }
            addURL(name, "\(vcs.vcs)+\(direct.url)@\(commit)", fragment: below)
        } else if let path = Self.localPath(direct.url) {
            let place = path + (direct.subdirectory.map { "/" + $0 } ?? "")
            guard exists(place) else {
                let shown = Quoting.visible(place)
                gaps.append("\(name): was installed from `\(shown)`, which is gone")
                return
            }
            let isArchive = direct.directory == nil
            let file = place.split(separator: "/").last.map(String.init) ?? name
            var source = Source(distribution: name, name: isArchive ? file : name, path: place)
            source.hash = direct.archive?.hash
            sources.append(source)
        } else {
            let hash = direct.archive?.hash
            addURL(name, direct.url, fragment: hash ?? below)
        }
    }

    /// Leaves out archives that are other files by now than those that were installed.
    ///
    /// - Parameter digest: of the file at a path.
    mutating func dropChanged(_ digest: (String) throws -> Digest) rethrows {
        for source in sources {
            guard let hash = source.hash, hash.hasPrefix("sha256="),
                try digest(source.path).hex != hash.dropFirst(7)
            else { continue }
            sources.removeAll { $0 == source }
            gaps.append(
                "\(source.distribution): was installed from `\(Quoting.visible(source.path))`, "
                    + "which is another file by now")
        }
    }

    private mutating func addURL(_ name: String, _ url: String, fragment: String?) {
        guard !Self.holdsCredentials(url), !url.contains(where: \.isWhitespace),
            Self.localPath(url.drop { $0 != "+" }.dropFirst().description) == nil
        else {
            gaps.append("\(name): comes from a place that only this machine can use")
            return
        }
        pins.append("\(name) @ \(url)" + (fragment.map { "#\($0)" } ?? ""))
    }

    /// A version such as `2.1.0+cpu` is on no public index: where `pip` here knows another one, the
    /// worker's is told of it.
    private mutating func addIndexes(_ indexes: [String], for names: [String]) {
        let pinned = names.filter { name in pins.contains { $0.hasPrefix(name + "==") } }
        guard !pinned.isEmpty else { return }
        if indexes.isEmpty {
            warnings.append(
                "\(Self.list(pinned)): a version with a `+` is on no public index, and `pip` here "
                    + "is told of no other, so that the worker's `pip` has to know one "
                    + "(pip config set site.extra-index-url URL)")
        }
        let usable = indexes.filter { $0.contains("://") && !Self.holdsCredentials($0) }
        if usable.count < indexes.count {
            gaps.append("an index of `pip` that needs a login stays here")
        }
        pins.insert(contentsOf: usable.map { "--extra-index-url \($0)" }, at: 0)
    }

    /// `a, b and 17 more`.
    private static func list(_ names: [String]) -> String {
        let shown = 4
        guard names.count > shown else { return names.joined(separator: ", ") }
        return names.prefix(shown).joined(separator: ", ") + " and \(names.count - shown) more"
    }

    /// `user:password@` before the host.
    static func holdsCredentials(_ url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://") else { return false }
        let host = url[scheme.upperBound...].prefix { $0 != "/" }
        // `git@` is how everybody logs in to such a server.
        return host.contains("@") && !host.hasPrefix("git@")
    }

    /// The path of a `file:` URL.
    private static func localPath(_ url: String) -> String? {
        guard url.hasPrefix("file://") else { return nil }
        let rest = url.dropFirst("file://".count)
        let path = rest.hasPrefix("localhost/") ? rest.dropFirst("localhost".count) : rest
        return percentDecoded(path)
    }

    private static func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let code = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), code.utf8.count == 2, let value = UInt8(code, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// As indexes compare names (PEP 503).
    private static func normal(_ name: String) -> String {
        name.lowercased().split(omittingEmptySubsequences: true) { "-_.".contains($0) }
            .joined(separator: "-")
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func isVersion(_ version: String) -> Bool {
        !version.isEmpty
            && version.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: ".+!-_".utf8.contains(byte)
                }
            }
    }
}
