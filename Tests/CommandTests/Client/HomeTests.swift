import Foundation
import JobModel
import Testing

@testable import CoordinatorClient

@Suite struct HomeTests {
    private let machine = MachineKey(machineID: "0123", hostName: "a")

    @Test func shuntHomeWinsOverXDGAndHome() throws {
        var variables = HomeVariables(
            shuntHome: "/s", dataHome: "/d", home: "/h", workingDirectory: "/w")
        #expect(try variables.root(machine: machine) == "/s")
        variables.shuntHome = "rel"
        #expect(try variables.root(machine: machine) == "/w/rel")
        variables.shuntHome = ""
        #expect(try variables.root(machine: machine) == "/d/shunt/\(machine.directoryName)")
        variables.dataHome = "relative is ignored"
        #expect(
            try variables.root(machine: machine)
                == "/h/.local/share/shunt/\(machine.directoryName)")
        variables.home = nil
        #expect(throws: ShuntError.self) { try variables.root(machine: machine) }
    }

    @Test func aSharedHomeHasItsOwnSocketsOnEachMachine() {
        let other = MachineKey(machineID: nil, hostName: "0123")
        let layouts = [
            HomeLayout(root: "/nfs/shunt", userID: 7, machine: machine),
            HomeLayout(root: "/nfs/shunt", userID: 7, machine: other),
            HomeLayout(root: "/nfs/shunt2", userID: 7, machine: machine),
        ]
        #expect(Set(layouts.map(\.runtimeDirectory)).count == 3)
        #expect(layouts[0] == HomeLayout(root: "/nfs/shunt", userID: 7, machine: machine))
    }

    @Test func socketPathsFitIntoAnAddress() {
        let root = "/" + String(repeating: "x", count: 4000)
        let layout = HomeLayout(root: root, userID: .max, machine: machine)
        #expect(layout.coordinatorSocket.utf8.count <= 107)
        #expect(layout.agentSocket.utf8.count <= 107)
    }

    /// The vector of the reference implementation: the name of a directory must never change.
    @Test func theHashIsTheSameInEveryRelease() {
        #expect(StableHash.hex(of: "foobar") == "85944171f73967e8")
    }

    @Test func aHomeIsCreatedWholeAndPrivate() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let root = directory.path + "/a/b/home"
        let home = try HomeDirectory.open(root: root, userID: geteuid(), machine: machine)
        defer { rmdir(home.layout.runtimeDirectory) }
        for path in [root, home.layout.coordinatorDirectory, home.layout.runtimeDirectory] {
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o700, "\(path)")
        }
        #expect(try HomeDirectory.open(root: root, userID: geteuid(), machine: machine) == home)
    }

    @Test func twoSpellingsOfAHomeAreOneHome() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let link = directory.path + "/link"
        symlink(directory.path + "/home", link)
        mkdir(directory.path + "/home", 0o700)
        let first = try HomeDirectory.open(root: link, userID: geteuid(), machine: machine)
        defer { rmdir(first.layout.runtimeDirectory) }
        #expect(
            try HomeDirectory.open(
                root: directory.path + "/./home/", userID: geteuid(), machine: machine) == first)
    }

    @Test(arguments: ["", "/store", "/store/objects", "/statcache", "/coordinator", "/agent"])
    func aPartOfAHomeThatOthersMayWriteToIsRefused(_ part: String) throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let root = directory.path + "/home"
        let home = try HomeDirectory.open(root: root, userID: geteuid(), machine: machine)
        defer { rmdir(home.layout.runtimeDirectory) }
        mkdir(root + "/store/objects", 0o700)
        for mode in [mode_t(0o777), 0o720, 0o702] {
            chmod(root + part, mode)
            let error = #expect(throws: ShuntError.self) {
                try HomeDirectory.open(root: root, userID: geteuid(), machine: self.machine)
            }
            #expect(error?.code == .refused)
            #expect(error?.hint == "chmod go-w '\(home.layout.root)\(part)'")
        }
        // That others may read is the person's own choice.
        chmod(root + part, 0o755)
        #expect(try HomeDirectory.open(root: root, userID: geteuid(), machine: machine) == home)
    }

    @Test func aHomeOfAnotherAccountIsRefused() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let error = #expect(throws: ShuntError.self) {
            try HomeDirectory.open(
                root: directory.path, userID: geteuid() + 1, machine: self.machine)
        }
        #expect(error?.code == .refused)
    }

    @Test func aSocketDirectoryOfAnotherAccountIsRefused() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/sockets"
        mkdir(path, 0o700)
        let error = #expect(throws: ShuntError.self) {
            try HomeDirectory.secureRuntimeDirectory(path, userID: geteuid() + 1)
        }
        #expect(error?.code == .refused)
        #expect(error?.message.contains(path) == true)
        #expect(error?.hint?.contains(path) == true)
    }

    @Test func aSocketDirectoryThatOthersMayEnterIsRefused() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/sockets"
        mkdir(path, 0o755)
        chmod(path, 0o755)
        let error = #expect(throws: ShuntError.self) {
            try HomeDirectory.secureRuntimeDirectory(path, userID: geteuid())
        }
        #expect(error?.hint == "chmod 700 '\(path)'")
    }

    @Test func aLinkInPlaceOfTheSocketDirectoryIsRefused() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path + "/sockets"
        symlink("/tmp", path)
        #expect(throws: ShuntError.self) {
            try HomeDirectory.secureRuntimeDirectory(path, userID: geteuid())
        }
    }

    @Test func aCoordinatorTakesOverTheAccountAndNotTheShell() {
        let variables = [
            "PATH=/bin", "VIRTUAL_ENV=/v", "PYTHONPATH=/p", "SHUNT_HOME=rel", "LC_ALL=C",
            "AWS_SECRET_ACCESS_KEY=s", "PIP_INDEX_URL=u", "broken",
        ].map { Array($0.utf8) }
        let selected = LaunchEnvironment.select(from: variables, root: "/home/shunt")
            .map { String(decoding: $0, as: UTF8.self) }
        #expect(
            selected == ["PATH=/bin", "LC_ALL=C", "PIP_INDEX_URL=u", "SHUNT_HOME=/home/shunt"])
    }

    @Test(
        arguments: [
            (["PATH=/v/bin:/usr/bin:/bin", "VIRTUAL_ENV=/v"], "PATH=/usr/bin:/bin"),
            (["VIRTUAL_ENV=/v/", "PATH=/usr/bin:/v/bin/:/vv/bin"], "PATH=/usr/bin:/vv/bin"),
            (
                [
                    "PATH=/c/envs/a/bin:/c/bin:/c/condabin:/bin", "CONDA_PREFIX=/c/envs/a",
                    "CONDA_PREFIX_1=/c",
                ],
                "PATH=/c/condabin:/bin"
            ),
            (["PATH=/bin::/usr/bin", "VIRTUAL_ENV="], "PATH=/bin::/usr/bin"),
        ])
    func anEnvironmentThatIsActiveInTheShellIsNotThatOfJobs(_ shell: [String], _ path: String) {
        let selected = LaunchEnvironment.select(
            from: shell.map { Array($0.utf8) }, root: "/home/shunt")
        #expect(
            selected.map { String(decoding: $0, as: UTF8.self) }
                == [path, "SHUNT_HOME=/home/shunt"])
    }
}
