import Foundation
import Testing

/// Every folder of `jobs/` runs as it stands, so that no example rots.
@Suite struct ExampleJobTests {
    private static let furnished = ["capture", "container", "data", "image", "project", "secret"]

    private static let examples: [String] = {
        let folder = ShuntHome.packageRoot + "/jobs"
        // An unreadable folder gives no examples, which the first test reports.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter {
            FileManager.default.fileExists(atPath: "\(folder)/\($0)/job.yaml")
            // These take more than a submission, and have tests of their own.
        }.filter { !furnished.contains($0) }.sorted()
    }()

    @Test func thereAreExamples() {
        #expect(Self.examples.contains("digits") && Self.examples.contains("hello"))
    }

    @Test(arguments: examples)
    func anExampleRunsAsItStands(_ name: String) async throws {
        try await ShuntHome.use { home in
            try Self.copy(name, to: home)
            let outcome = try await home.run(["run", "-f", "job.yaml"], within: .seconds(600))
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(!outcome.output.isEmpty)
            if name == "nodes" {
                #expect(home.exists("model.json") && home.exists("rank-2/share.json"))
            }
            guard name == "digits" else { return }
            #expect(home.exists("model.joblib"))
            let metrics = try JSON(parsing: Data(try home.read("metrics.json").utf8))
            guard case .number(let accuracy) = metrics["accuracy"] else {
                Issue.record("no accuracy in \(metrics)")
                return
            }
            #expect(accuracy > 0.9)
        }
    }

    @Test func theExampleOfCaptureRunsInTheEnvironmentOfItsReadme() async throws {
        try await ShuntHome.use { home in
            try Self.copy("capture", to: home)
            let made = try await home.shell(
                "python3 -m venv ../iris && . ../iris/bin/activate "
                    + "&& pip install -q -r requirements.txt -e ./flowers",
                within: .seconds(240))
            try #require(made.code == 0, "\(made.errorText)")
            let outcome = try await home.run(
                ["run", "-f", "job.yaml"], env: ["VIRTUAL_ENV": home.base + "/iris"],
                within: .seconds(240))
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text.hasSuffix("with numpy 2.2.6\n"), "\(outcome.text)")
            #expect(home.exists("model.npz"))
            let metrics = try JSON(parsing: Data(try home.read("metrics.json").utf8))
            guard case .number(let accuracy) = metrics["accuracy"] else {
                Issue.record("no accuracy in \(metrics)")
                return
            }
            #expect(accuracy > 0.9)
        }
    }

    @Test(.enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
    func theExampleInAContainerRunsAsItStands() async throws {
        try await ContainerHome.use { home in
            try Self.copy("container", to: home)
            try await TestImage.withName("docker.io/library/python:3.11-slim") {
                let outcome = try await home.run(["run", "-f", "job.yaml"], within: .seconds(120))
                #expect(outcome.code == 0, "\(outcome.errorText)")
                #expect(outcome.text.contains("accuracy 0.975"))
            }
            #expect(home.exists("model.json"))
            let metrics = try JSON(parsing: Data(try home.read("metrics.json").utf8))
            guard case .number(let accuracy) = metrics["accuracy"] else {
                Issue.record("no accuracy in \(metrics)")
                return
            }
            #expect(accuracy > 0.9)
        }
    }

    @Test func theExampleOfDataReadsWhereItLies() async throws {
        try await ShuntHome.use { home in
            try Self.copy("data", to: home)
            let declared = try await home.run(
                "worker", "data", "local", "irises=\(home.work)/irises")
            try #require(declared.code == 0, "\(declared.errorText)")
            let outcome = try await home.run("run", "-f", "job.yaml")
            #expect(outcome.text.contains("setosa, 50 flowers: sepal length 5.006 cm"))
            let means = try JSON(parsing: Data(try home.read("means.json").utf8))
            #expect(means["virginica"]["petal width"] == .number(2.026), "\(outcome.errorText)")
        }
    }

    @Test func theExampleOfASecretSignsWithIt() async throws {
        try await ShuntHome.use { home in
            try Self.copy("secret", to: home)
            let missing = try await home.run("run", "-f", "job.yaml")
            #expect(missing.code == 125)
            expectRemedy(missing, naming: "SIGNING_KEY")
            let outcome = try await home.run(
                ["run", "-f", "job.yaml"], env: ["SIGNING_KEY": "opensesame"])
            #expect(outcome.text.hasPrefix("signed "), "\(outcome.errorText)")
            let check = try await home.shell(
                "openssl dgst -sha256 -hmac opensesame report.txt | grep -f report.txt.sig")
            #expect(check.code == 0, "\(check.text)\(check.errorText)")
        }
    }

    @Test(.enabled(if: TestImage.isPossible, "\(TestImage.reason)"))
    func theExampleOfAnImageIsBuiltOnceThoughItWritesBesideIt() async throws {
        try await ContainerHome.use { home in
            try Self.copy("image", to: home)
            try await TestImage.withName("docker.io/library/python:3.11-slim") {
                let command = ["run", "-f", "job.yaml"]
                let first = try await home.run(command, within: .seconds(120))
                #expect(first.text == "3 weights in /opt/model/weights.json, 0.875 in sum\n")
                #expect(first.errorText.contains("building"), "\(first.errorText)")
                #expect(home.exists("report.json"))
                let second = try await home.run(command, within: .seconds(120))
                #expect(second.text == first.text, "\(second.errorText)")
                #expect(!second.errorText.contains("building"), "\(second.errorText)")
            }
        }
    }

    private static func copy(_ name: String, to home: ShuntHome) throws {
        try FileManager.default.removeItem(atPath: home.work)
        try FileManager.default.copyItem(
            atPath: "\(ShuntHome.packageRoot)/jobs/\(name)", toPath: home.work)
    }
}
