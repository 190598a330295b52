import Foundation
import Testing
import Lab

/// A home whose jobs can run in containers of the test image.
enum ContainerHome {
    static func use<Result: Sendable>(
        _ body: (ShuntHome) async throws -> Result
    ) async throws -> Result {
        try await TestImage.shared.require()
        return try await ShuntHome.use { home in
            var home = home
            home.variables["CONTAINERS_CONF"] = try writeConfiguration(
                to: home.base + "/containers.conf")
            do {
                let result = try await body(home)
                await home.removeContainers()
                return result
            } catch {
                await home.removeContainers()
                throw error
            }
        }
    }

    /// - Returns: the path.
    static func writeConfiguration(to path: String) throws -> String {
        try Data(TestImage.configuration.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }
}

extension ShuntHome {
    /// What podman calls the containers of this home's tasks, whether they are there or not.
    var containerNames: Set<String> {
        // Before the first task there is no such directory.
        let tasks = try? FileManager.default.contentsOfDirectory(atPath: root + "/agent/tasks")
        return Set((tasks ?? []).map { "shunt-" + $0 })
    }

    /// The containers of this home that podman knows.
    func containers() async throws -> [String] {
        let names = try await TestImage.shell("podman ps --all --format '{{.Names}}'")
        return names.split(separator: "\n").map(String.init).filter(containerNames.contains)
    }

    /// Expects that podman forgets every container of this home.
    func expectNoContainers(at location: SourceLocation = #_sourceLocation) async throws {
        let isEmpty = try await eventually { try await containers().isEmpty }
        let left = try await containers()
        #expect(isEmpty, "\(left)", sourceLocation: location)
    }

    /// Whatever the test did: containers, and images that nobody needs any more.
    func removeContainers() async {
        let kept = root + "/agent/images/kept"
        // Where no image was made there is nothing to remove.
        let notes = (try? FileManager.default.contentsOfDirectory(atPath: kept)) ?? []
        let images = notes.compactMap { note in
            // Likewise.
            let text = try? String(contentsOfFile: kept + "/" + note, encoding: .utf8)
            return text?.split(separator: "\n").dropFirst().first
        }
        let names = containerNames.sorted().joined(separator: " ")
        // One that is not there needs no removal.
        _ = try? await TestImage.shell(
            """
            podman rm --force --ignore --time 0 \(names)
            podman rmi \(images.joined(separator: " ")) 2>&1 || true
            """)
    }

    /// The pid of the process that podman has watch a container.
    func monitor(of container: String) -> pid_t? {
        ProcessTable.processes(naming: container).first {
            $0.command.first?.hasSuffix("conmon") == true
        }?.pid
    }

    /// Runs a job in the test image.
    func runInContainer(
        _ command: [String], options: [String] = [], within limit: Duration = .seconds(120)
    ) async throws -> Outcome {
        try await run(
            ["run", "--image", TestImage.name] + options + ["--"] + command, within: limit)
    }
}
