import Foundation
import Lab
import Testing

/// Jobs go where their data is, and never where it must not be.
@Suite(.serialized, .enabled(if: geteuid() == 0, RemoteLab.reason))
struct DataPlacementTests {
    /// A home with `local`, the worker of the lab, and a third one.
    private func withThree(
        _ body: (RemoteLab, LabHost) async throws -> Void
    ) async throws {
        try await RemoteLab.use { lab in
            let third = try LabHost(.init(alias: "third", address: "127.0.1.2"))
            do {
                try lab.configure([lab.host.entry, third.entry])
                try await lab.add(third.alias, "--label", "rented")
                try await body(lab, third)
                third.remove()
            } catch {
                third.remove()
                throw error
            }
        }
    }

    @Test func oneOfThreeWorkersHasAHundredThousandFilesAndGetsTheJob() async throws {
        try await withThree { lab, third in
            let path = third.account.home + "/set"
            let made = try await third.account.shell(
                "mkdir set; cd set; seq -f %06g 0 99999 | split -l 1000 - dir; "
                    + "for list in dir*; do mkdir d.$list; (cd d.$list; xargs touch <../$list); "
                    + "rm $list; done; find . -type f | wc -l")
            try #require(made.text.hasSuffix("100000\n"), "\(made.text)")
            let home = lab.home
            let declared = try await home.run("worker", "data", third.alias, "set=\(path)")
            #expect(declared.text.contains("100000 files, 0 B"), "\(declared.errorText)")
            let script = "find data -type f | wc -l; id -u; touch data/x || echo read-only"
            let outcome = try await home.run(
                ["run", "-q", "--on", "any", "--mount", "data=set", "--", "sh", "-c", script])
            let account = third.account.entry.uid
            #expect(outcome.text == "100000\n\(account)\nread-only\n", "\(outcome.errorText)")
            let view = try await home.inspect(home.latestJob())
            #expect(view["worker"].string == third.alias)
            #expect(view["data"][0]["fingerprint"]["files"].int == 100_000)
            #expect(view["data"][0]["method"].string == "mount")
            #expect((view["bytes_sent"].int ?? 0) < 10_000)
            let refused = try await home.run(
                ["run", "--on", lab.name, "--mount", "data=set", "--", "true"])
            expectRefused(refused, code: 125, naming: ["set", lab.name])
        }
    }

    @Test func aRuleKeepsLabelledDataAndWhatWasMadeOfItFromWorkers() async throws {
        try await withThree { lab, third in
            let home = lab.home
            for name in ["local", lab.name, third.alias] {
                let options = name == lab.name ? ["--label", "private"] : []
                let outcome = try await home.run(
                    ["worker", "data", name, "set=/usr/share"] + options)
                #expect(outcome.code == 0, "\(outcome.errorText)")
            }
            let set = try await home.run("config", "set", "never", "{private: rented}")
            #expect(set.code == 0, "\(set.errorText)")
            #expect(try await home.run("config", "get", "never").text == "{private: rented}\n")
            let words = ["--mount", "data=set", "--", "sh", "-c", "echo $RANDOM$$-weights >model"]
            expectRefused(
                try await home.run(["run", "--on", third.alias] + words), code: 125,
                naming: ["private", "rented", third.alias, "dataset `set`"])
            // One label says it of the dataset, wherever it lies.
            let here = try await home.run(["run", "-q", "--on", "local"] + words)
            #expect(here.code == 0, "\(here.errorText)")
            #expect(try await home.inspect(home.latestJob())["labels"][0].string == "private")
            // Its output is in the directory now, under another name, and takes the label along.
            #expect(try await home.shell("mkdir sub; mv model sub/renamed").code == 0)
            expectRefused(
                try await home.run("run", "--on", third.alias, "--", "cat", "sub/renamed"),
                code: 125, naming: ["private", "rented", "`sub/renamed`"])
            // Handed over as a secret it is the same file.
            #expect(try await home.shell("mv sub/renamed ../aside").code == 0)
            expectRefused(
                try await home.run(
                    "run", "--on", third.alias, "--secret", "KEY=../aside", "--", "true"),
                code: 125, naming: ["private", "rented", "KEY"])
            #expect(try await home.shell("mv ../aside sub/renamed").code == 0)
            let any = try await home.run("run", "-q", "--on", "any", "--", "cat", "sub/renamed")
            #expect(any.code == 0, "\(any.errorText)")
            #expect(try await home.inspect(home.latestJob())["worker"].string != third.alias)
            // A package that is installed from its source takes it along from anywhere.
            let active = try await editable(holding: "sub/renamed", home)
            expectRefused(
                try await home.run(["run", "--on", third.alias, "--", "true"], env: active),
                code: 125, naming: ["private", "rented"])
            // Without it the directory may go there.
            let free = try await home.run("run", "-q", "--on", third.alias, "--", "true")
            #expect(free.code == 0, "\(free.errorText)")
            // The files of a directory can be labelled themselves.
            try home.write("job.yaml", "run: echo no\nlabels: private\non: \(third.alias)\n")
            expectRefused(
                try await home.run("run"), code: 125, naming: ["private", "rented"])
        }
    }

    /// An active environment with one editable install, of a source outside the directory into
    /// which a file is moved.
    ///
    /// - Returns: what activates it.
    private func editable(holding path: String, _ home: ShuntHome) async throws -> [String: String]
    {
        let made = try await home.shell(
            """
            set -e
            python3 -m venv --without-pip ../venv
            mkdir -p ../tools/tools
            mv \(path) ../tools/tools/weights
            printf '[project]\\nname = "tools"\\nversion = "1.0"\\n' >../tools/pyproject.toml
            cd ../venv/lib/python3*/site-packages
            mkdir tools-1.0.dist-info
            printf 'Metadata-Version: 2.1\\nName: tools\\nVersion: 1.0\\n' \\
                >tools-1.0.dist-info/METADATA
            printf '{"url": "file://%s", "dir_info": {"editable": true}}' \(home.base)/tools \\
                >tools-1.0.dist-info/direct_url.json
            """)
        try #require(made.code == 0, "\(made.errorText)")
        return ["VIRTUAL_ENV": home.base + "/venv"]
    }

    /// Whatever was meant, nothing that is labelled goes anywhere by mistake.
    @Test func aConfigurationThatCannotBeReadPlacesNothingThatIsLabelled() async throws {
        try await RemoteLab.use { lab in
            let home = lab.home
            try home.write("job.yaml", "run: echo ran\nlabels: [private]\non: \(lab.name)\n")
            let file = home.root + "/config.yaml"
            try Data("never: [private]\n".utf8).write(to: URL(fileURLWithPath: file))
            let outcome = try await home.run("run")
            expectRefused(outcome, code: 125, naming: ["config.yaml"])
            let block = "never:\n  private:\n    - rented\n    - shared=yes\n"
            try Data(block.utf8).write(to: URL(fileURLWithPath: file))
            let allowed = try await home.run("run", "-q")
            #expect(allowed.text == "ran\n", "\(allowed.errorText)")
            let shown = try await home.run("config", "get", "never")
            #expect(shown.text == "{private: [rented, shared=yes]}\n")
        }
    }

    @Test func anInventoryDeclaresDataAndAJobInAContainerMountsIt() async throws {
        try await RemoteLab.use { lab in
            let home = lab.home
            let made = try await lab.host.account.shell("mkdir set; echo here >set/file; pwd")
            let path = made.text.trimmingCharacters(in: .whitespacesAndNewlines) + "/set"
            try home.write(
                "inventory.yaml",
                "workers:\n  \(lab.name):\n    data:\n      set: {path: \(path), labels: [big]}\n")
            let applied = try await home.run(
                ["worker", "apply", "-f", "inventory.yaml"], within: .seconds(120))
            #expect(applied.code == 0, "\(applied.errorText)")
            let worker = try await lab.worker()
            #expect(worker["datasets"][0]["path"].string == path)
            let outcome = try await lab.run(
                "cat", "data/file", options: ["-q", "--mount", "data=set"])
            #expect(outcome.text == "here\n", "\(outcome.errorText)")
        }
    }
}
