internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// What podman leaves of a build that does not come to its end: a container of buildah's, which no
/// removal of an image takes away, and the processes of a `RUN`, which outlive podman. Both are
/// known by the name of a host that every build of ours is given. Blocks.
struct BuildLeftovers {
    /// A directory for each thing that is being made stands in it; see ``ImageMaker``.
    let directory: String
    let engine: EngineCommand
    /// See ``EngineAbilities/containers``.
    let containers: String

    private static let prefix = "shunt-build-"

    /// The host's name, which no other agent has for the same image.
    static func mark(of tag: String, in directory: String) -> String {
        let digest = ContentHasher.digest(of: Array("\(directory)\n\(tag)".utf8))
        return prefix + digest.hex.prefix(40)
    }

    /// What the name stands for, which nothing looks up.
    static let address = "127.0.0.1"

    /// Stands in the environment of podman, with the mark.
    static let variable = "SHUNT_IMAGE_BUILD"

    /// Of every build that an earlier life of this agent has begun.
    func removeAll() {
        for name in names(in: directory) where name.hasPrefix(Self.prefix) { remove(name) }
        removeLayoutLinks()
    }

    /// What the path of a layout begins with while podman loads it; see ``ImageMaker``.
    static let layoutLink = "/tmp/shunt-layout-"

    /// A load that was cut leaves the link, and perhaps an image that is called after it.
    private func removeLayoutLinks() {
        for name in names(in: "/tmp") where ("/tmp/" + name).hasPrefix(Self.layoutLink) {
            let path = "/tmp/" + name
            var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let count = readlink(path, &target, target.count - 1)
            let bytes = target.prefix(max(0, count)).map(UInt8.init(bitPattern:))
            // Another agent's is its own to remove.
            guard String(decoding: bytes, as: UTF8.self).hasPrefix(directory + "/") else {
                continue
            }
            unlink(path)
            let image = "localhost\(path):latest"
            // Mostly there is none.
            _ = try? engine.run(["untag", image, image], within: .minutes(2))
        }
    }

    func remove(_ mark: String) {
        end("\(Self.variable)=\(mark)")
        let record = "\"\(mark):\(Self.address)\""
        for id in names(in: containers) {
            // Most are no builds, and have no such file.
            let state = try? SmallFile.read(
                "\(containers)/\(id)/userdata/buildah.json", limit: 16 << 20)
            guard let state, String(decoding: state, as: UTF8.self).contains(record) else {
                continue
            }
            end("HOSTNAME=\(id.prefix(12))")
            // What stays takes space; the next end of a build of this image tries again.
            _ = try? engine.run(["rm", "--force", "--volumes", id], within: .minutes(2))
        }
    }

    /// Kills the processes with this in their environment, and what they start meanwhile.
    private func end(_ variable: String) {
        let entry = Array(variable.utf8)
        for _ in 0..<Self.rounds {
            let found = names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
                // A process that has ended meanwhile, or is another account's, is none of ours.
                let bytes = try? SmallFile.read("/proc/\(pid)/environ", limit: 1 << 20)
                return bytes?.split(separator: 0).contains { $0.elementsEqual(entry) } == true
            }
            if found.isEmpty { return }
            for pid in found { kill(pid, SIGKILL) }
            // The pause between two looks at what SIGKILL has left.
            poll(nil, 0, 10)
        }
    }

    private static let rounds = 100

    private func names(in path: String) -> [String] {
        // Nothing was built before there is such a directory.
        guard let opened = try? OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY) else {
            return []
        }
        // Likewise.
        return (try? opened.names()) ?? []
    }
}
