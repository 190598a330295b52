import Testing

@testable import JobModel

/// Which variable wins, and that sockets fit, is tested beside the client that reads them.
struct HomeLayoutTests {
    let machine = MachineKey(machineID: "0123", hostName: "a")

    @Test func aLayoutIsWhatItsTableSays() {
        let layout = HomeLayout(root: "/h", userID: 7, machine: machine)
        #expect(
            [
                layout.storeDirectory, layout.statCacheDirectory, layout.agentDirectory,
                layout.coordinatorDirectory, layout.ledgerFile, layout.coordinatorLog,
                layout.coordinatorLock,
            ] == [
                "/h/store", "/h/statcache", "/h/agent", "/h/coordinator",
                "/h/coordinator/ledger.sqlite", "/h/coordinator/coordinator.log",
                "/h/coordinator/lock",
            ])
        #expect(layout.coordinatorSocket == layout.runtimeDirectory + "/coordinator.sock")
        #expect(layout.agentSocket == layout.runtimeDirectory + "/agent.sock")
        #expect(layout.runtimeDirectory.hasPrefix("/tmp/shunt-7-"))
        #expect(layout.runtimeDirectory.utf8.count == "/tmp/shunt-7-".utf8.count + 16)
    }

    /// The names are on disks: another release has to find them.
    @Test func namesOfDirectoriesNeverChange() {
        let layout = HomeLayout(root: "/h", userID: 7, machine: machine)
        #expect(layout.runtimeDirectory == "/tmp/shunt-7-" + StableHash.hex(of: "/h\u{0}0123"))
        #expect(machine.directoryName == StableHash.hex(of: "0123"))
    }

    @Test func accountsHaveSocketsOfTheirOwn() {
        let layouts = [7, 8].map { HomeLayout(root: "/h", userID: $0, machine: machine) }
        #expect(layouts[0].runtimeDirectory != layouts[1].runtimeDirectory)
    }

    @Test func aRootAndAMachineAreNotMistakenForOthers() {
        let near = HomeLayout(
            root: "/ab", userID: 7, machine: MachineKey(machineID: "c", hostName: ""))
        let far = HomeLayout(
            root: "/a", userID: 7, machine: MachineKey(machineID: "bc", hostName: ""))
        #expect(near.runtimeDirectory != far.runtimeDirectory)
    }

    @Test func aMachineWithoutAnIDIsItsHostName() {
        #expect(MachineKey(machineID: nil, hostName: "a").text == "host:a")
        #expect(MachineKey(machineID: "", hostName: "a").text == "host:a")
        #expect(MachineKey(machineID: "0123", hostName: "a").text == "0123")
        #expect(
            MachineKey(machineID: nil, hostName: "a") != MachineKey(machineID: "a", hostName: ""))
    }

    /// Vectors of the reference implementation.
    @Test(arguments: [
        ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("b", "af63df4c8601f1a5"),
        ("foo", "dcb27518fed9d577"),
    ])
    func theHashIsFNV1a(_ text: String, _ hash: String) {
        #expect(StableHash.hex(of: text) == hash)
    }

    @Test func aHashHasSixteenDigitsWhateverItIs() {
        var sawZero = false
        for number in 0..<2000 {
            let hash = StableHash.hex(of: "\(number)")
            #expect(hash.utf8.count == 16)
            sawZero = sawZero || hash.hasPrefix("0")
        }
        #expect(sawZero)
    }

    @Test(arguments: [nil, "", "relative"])
    func withoutAPlaceTheErrorNamesOne(_ home: String?) {
        let variables = HomeVariables(
            shuntHome: "", dataHome: "", home: home, workingDirectory: "/w")
        let error = #expect(throws: ShuntError.self) {
            try variables.root(machine: self.machine)
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("HOME") == true)
        #expect(error?.hint?.contains("SHUNT_HOME=") == true)
    }
}
