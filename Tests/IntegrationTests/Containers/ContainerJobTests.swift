import Foundation
import Testing
import Lab

/// What a job in a container prints, leaves and ends with is what it does without one.
@Suite(.serialized, .enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
struct ContainerJobTests {
    @Test func bytesCodeAndFilesAreThoseOfABareJob() async throws {
        try await ContainerHome.use { home in
            let script = """
                printf 'a\\0b\\377'; printf 'e\\0\\376' >&2
                mkdir new; head -c 300000 /dev/zero >new/zeros; ln -s zeros new/link
                echo more >>kept; chmod 755 kept; : >'a b'; exit 42
                """
            var listings: [String] = []
            for options in [[], ["--image", TestImage.name]] {
                let directory = home.base + "/copy-\(listings.count)"
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true)
                try Data("kept\n".utf8).write(to: URL(fileURLWithPath: directory + "/kept"))
                let outcome = try await home.run(
                    ["run", "-q"] + options + ["--", "sh", "-c", script], cwd: directory,
                    within: .seconds(120))
                #expect(outcome.code == 42, "\(outcome.errorText)")
                #expect(outcome.output == Data([0x61, 0, 0x62, 0xff]))
                #expect(outcome.errors.starts(with: [0x65, 0, 0xfe]))
                listings.append(
                    try await home.shell(
                        "find . -type f -exec sha256sum {} + | LC_ALL=C sort; "
                            + "find . -printf '%y %m %u %g %l %p\\n' | LC_ALL=C sort",
                        cwd: directory
                    ).text)
            }
            #expect(listings[0] == listings[1])
            let killed = try await home.runInContainer(["sh", "-c", "kill -9 $$"])
            #expect(killed.code == 137)
            let missing = try await home.runInContainer(["no-such-command"])
            #expect(missing.code == 127, "\(missing.errorText)")
            try await home.expectNoContainers()
        }
    }

    /// The image has the word, then Shunt, then the job.
    @Test func variablesAreTheImagesUnderThoseOfTheJob() async throws {
        try await ContainerHome.use { home in
            try home.write(
                "Containerfile", "FROM \(TestImage.name)\nENV GREETING=image PATH=/usr/bin:/bin\n")
            let line = "echo $GREETING $PATH $HOME $SHUNT_NODE_RANK; pwd; echo $SHUNT_JOB_DIR"
            let outcome = try await home.run(
                ["run", "--image", "./Containerfile", "--", "sh", "-c", line],
                within: .seconds(120))
            let lines = outcome.text.split(separator: "\n")
            #expect(lines.first == "image /usr/bin:/bin /root 0", "\(outcome.errorText)")
            #expect(lines.count == 3 && lines[1] == lines[2])
            let set = try await home.run(
                [
                    "run", "--image", ".", "-e", "GREETING=job", "--", "sh", "-c",
                    "echo $GREETING",
                ], within: .seconds(120))
            #expect(set.text == "job\n", "\(set.errorText)")
        }
    }

    @Test func aStubbornTreeIsGoneAfterACancel() async throws {
        try await ContainerHome.use { home in
            let script = """
                trap '' TERM; setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &
                echo up; while :; do sleep 1; done
                """
            let id = try await home.submit(
                "sh", "-c", script, options: ["--image", TestImage.name])
            let runs = try await eventually(within: .seconds(60)) {
                try await home.run("logs", id).text == "up\n"
            }
            #expect(runs)
            #expect(try await home.inspect(id)["kill_method"].string == "namespace")
            #expect(try await home.run("cancel", "--now", id).code == 0)
            #expect(try await home.run("wait", id).text.contains("137"))
            #expect(try await home.inspect(id)["state"].string == "cancelled")
            try await home.expectNoContainers()
            let task = try #require(home.containerNames.first).dropFirst("shunt-".count)
            #expect(await eventually { ProcessTable.processes(naming: String(task)).isEmpty })
        }
    }

    @Test func aJobThatTakesTooMuchMemoryEndsAsOutOfMemory() async throws {
        try await ContainerHome.use { home in
            let take = "x = b'a' * 300_000_000; print(len(x))"
            let outcome = try await home.runInContainer(
                ["python3", "-c", take], options: ["--memory", "64MiB"])
            #expect(outcome.code == 137)
            #expect(outcome.errorText.contains("out of memory"), "\(outcome.errorText)")
            #expect(try await home.inspect(home.latestJob())["cause"].string == "oom")
            // Not the command itself, but what it had started.
            let child = try await home.runInContainer(
                ["sh", "-c", "python3 -c \"\(take)\"; exit 3"], options: ["--memory", "64MiB"])
            #expect(child.code == 3)
            #expect(child.errorText.contains("out of memory"), "\(child.errorText)")
            let enough = try await home.runInContainer(
                ["python3", "-c", take], options: ["--memory", "800MiB"])
            #expect(enough.text == "300000000\n", "\(enough.errorText)")
        }
    }

    @Test func whatAnImageKeepsInVolumesGoesWithTheContainer() async throws {
        try await ContainerHome.use { home in
            try home.write("Containerfile", "FROM \(TestImage.name)\nVOLUME /scratch\n")
            let before = try await TestImage.shell("podman volume ls --quiet | sort")
            for code in [0, 3] {
                let outcome = try await home.run(
                    [
                        "run", "-q", "--image", "./Containerfile", "--", "sh", "-c",
                        "echo some >/scratch/file; exit \(code)",
                    ], within: .seconds(120))
                #expect(outcome.code == Int32(code), "\(outcome.errorText)")
            }
            try await home.expectNoContainers()
            #expect(try await TestImage.shell("podman volume ls --quiet | sort") == before)
        }
    }

    @Test func cpusAndSharedMemoryAreThoseThatWereAskedFor() async throws {
        try await ContainerHome.use { home in
            let burn = """
                import os, time
                begin = time.monotonic()
                while time.monotonic() - begin < 3: pass
                print(time.process_time())
                status = os.statvfs("/dev/shm")
                print(status.f_blocks * status.f_frsize)
                """
            let outcome = try await home.runInContainer(
                ["python3", "-c", burn], options: ["--cpus", "0.3", "--shm-size", "5MiB"])
            let numbers = outcome.text.split(separator: "\n").compactMap { Double($0) }
            try #require(numbers.count == 2, "\(outcome.errorText)")
            #expect(numbers[0] < 1.3)
            #expect(numbers[1] == 5 * 1024 * 1024)
        }
    }

    /// Of the only kind that is looked for, with a device that every machine has.
    @Test(.enabled(if: !CDISpecification.isThere, "this machine has GPUs for containers"))
    func aContainerHasTheDevicesOfTheMachinesSpecification() async throws {
        try await ContainerHome.use { home in
            let look = ["sh", "-c", "echo $SHUNT_TEST_GPU; ls /dev | grep -c shunt-test-gpu"]
            let without = try await home.runInContainer(look)
            #expect(without.text == "\n0\n", "\(without.errorText)")
            #expect(try await home.inspect(home.latestJob())["gpus"].string == "none")
            try CDISpecification.write()
            defer { CDISpecification.remove() }
            let with = try await home.runInContainer(look)
            #expect(with.text == "all\n1\n", "\(with.errorText)")
            #expect(try await home.inspect(home.latestJob())["gpus"].string == "cdi")
        }
    }
}

/// What a driver's installer writes of a machine's GPUs for container engines.
private enum CDISpecification {
    private static let directory = "/var/run/cdi"
    private static let path = directory + "/shunt-test.json"

    static var isThere: Bool {
        ["/etc/cdi", directory].contains { directory in
            // Most machines have no such directory.
            (try? FileManager.default.contentsOfDirectory(atPath: directory))?.isEmpty == false
        }
    }

    static func write() throws {
        let text = """
            {"cdiVersion": "0.4.0", "kind": "nvidia.com/gpu", "devices": [
              {"name": "all", "containerEdits": {
                "env": ["SHUNT_TEST_GPU=all"],
                "deviceNodes": [
                  {"path": "/dev/shunt-test-gpu", "type": "c", "major": 1, "minor": 3}]
            }}]}
            """
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    static func remove() {
        unlink(path)
        rmdir(directory)
    }
}
