import Testing

@testable import ContentStore

@Suite struct CredentialFilesTests {
    private func holds(_ path: String, isDirectory: Bool = false) -> Bool {
        let parts = path.split(separator: "/")
        let parent = parts.count > 1 ? Array(parts[parts.count - 2].utf8) : []
        return CredentialFiles.holds(
            name: Array(parts.last!.utf8), parent: parent, isDirectory: isDirectory)
    }

    @Test(arguments: [
        ".env", ".env.local", ".ENV", "prod.env", "id_rsa", "id_ed25519", "server.pem", "TLS.KEY",
        ".netrc", ".aws/credentials", ".docker/config.json", ".kube/config", ".npmrc", ".pypirc",
        ".git-credentials", ".huggingface/token", ".cache/huggingface/token", "kaggle.json",
        "service-account-prod.json", "my-service-account.json",
        "application_default_credentials.json", ".streamlit/secrets.toml",
    ])
    func isTakenForCredentials(path: String) { #expect(holds(path)) }

    @Test(arguments: [
        ".env.example", ".env.sample", ".env.template", "id_rsa.pub", "config.json",
        "model/config.json", "token", "tokenizer.json", "cacert.pem", "environment.yml", "config",
        "keys.csv", "credentials.py", "env", "data.keyed",
    ])
    func isNotTakenForCredentials(path: String) { #expect(!holds(path)) }

    @Test func directoriesOfKeysAreLeftOutWhole() {
        #expect(holds(".ssh", isDirectory: true))
        #expect(holds(".config/gcloud", isDirectory: true))
        #expect(!holds("ssh", isDirectory: true))
        #expect(!holds(".env", isDirectory: true))
        #expect(!holds("certificates.pem", isDirectory: true))
    }

    @Test(arguments: [".env", ".env.*", ".env*", "*.pem", "/config/.env", "credentials", "id_rsa"])
    func aPatternThatSpellsTheNameOutIncludesIt(pattern: String) throws {
        let compiled = try #require(IgnorePattern(line: ("!" + pattern).utf8))
        #expect(CredentialFiles.isNamed(by: compiled))
    }

    @Test(arguments: ["*", "**", "*.json", "/config/**", "/config/*", "?"])
    func aSweepingPatternIncludesNoCredentials(pattern: String) throws {
        let compiled = try #require(IgnorePattern(line: ("!" + pattern).utf8))
        #expect(!CredentialFiles.isNamed(by: compiled))
    }
}
