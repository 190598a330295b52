import Foundation
import JobModel
import Testing

@testable import shunt

/// The file of settings.
@Suite struct ConfigurationTests {
    private static func with(_ text: String?, _ body: (ConfigurationFile, String) throws -> Void)
        throws
    {
        let root = FileManager.default.temporaryDirectory.path + "/config-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }  // a temporary directory
        let layout = HomeLayout(
            root: root, userID: 0, machine: MachineKey(machineID: nil, hostName: "h"))
        if let text {
            try text.write(toFile: layout.configurationFile, atomically: true, encoding: .utf8)
        }
        try body(ConfigurationFile(layout: layout), layout.configurationFile)
    }

    @Test func withoutAFileNothingIsSet() throws {
        try Self.with(nil) { file, _ in
            let read = try file.read()
            #expect(read == Configuration())
        }
    }

    @Test func aSettingIsReadBackAndTakenBack() throws {
        try Self.with(nil) { file, _ in
            try file.set(.defaultWorker, "any")
            let set = try file.read()
            #expect(set.defaultWorker == .any)
            try file.set(.defaultWorker, nil)
            let unset = try file.read()
            #expect(unset.defaultWorker == nil)
        }
    }

    @Test func commentsStayWhereTheyAre() throws {
        try Self.with("# mine\ndefault_worker: any  # for now\n\n# end\n") { file, path in
            try file.set(.defaultWorker, "gpu-1")
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text == "# mine\ndefault_worker: gpu-1\n\n# end\n")
        }
    }

    @Test(arguments: [
        ("default_wroker: any", "did you mean `default_worker`?"),
        ("default_worker: 'a b'", "wants the name of a worker"),
        ("default_worker", "wants `key: value`"),
    ])
    func whatIsNotUnderstoodIsRefusedWithItsLine(_ text: String, _ words: String) throws {
        try Self.with("\n" + text + "\n") { file, path in
            let error = #expect(throws: ShuntError.self) { try file.read() }
            #expect(
                error?.message.hasPrefix("`\(path)` line 2: ") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }
}
