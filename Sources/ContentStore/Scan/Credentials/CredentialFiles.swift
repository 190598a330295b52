/// Files known by their names to hold credentials: private keys, logins of clouds, registries and
/// tools, `.env`. They stay out of a snapshot and are listed, and are sent only when included
/// explicitly: their contents would otherwise lie in stores and job directories of every worker.
///
/// Judged by name alone, letter case aside, since the plan must be able to say why. It errs
/// towards leaving out: a file left out in error is listed with the way to include it, a key sent
/// in error cannot be called back. Names are not proof either way; what a program calls `notes`
/// is never looked into.
package enum CredentialFiles {
    /// Whether an entry is taken for credentials.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - parent: the name of the directory that holds it; some names only mean something there
    ///     (`.aws/credentials`, `.kube/config`).
    package static func holds(name: [UInt8], parent: [UInt8], isDirectory: Bool) -> Bool {
        name.withUnsafeBufferPointer { name in
            parent.withUnsafeBufferPointer { parent in
                holds(name: name, parent: parent, isDirectory: isDirectory)
            }
        }
    }

    static func holds(
        name: UnsafeBufferPointer<UInt8>, parent: UnsafeBufferPointer<UInt8>, isDirectory: Bool
    ) -> Bool {
        withLowercased(name) { name in
            let rules = isDirectory ? directories : files
            if rules.verdict(name: name, path: name, isAtBase: true, isDirectory: false)
                == .excluded
            {
                return true
            }
            // Hardly any name has an entry here, so the parent is hardly ever looked at.
            guard let index = parentIndex(of: name), byParent[index].isDirectory == isDirectory
            else { return false }
            return withLowercased(parent) { parent in
                byParent[index].parents.contains { parent.elementsEqual($0.utf8) }
            }
        }
    }

    /// Whether a negated pattern of an ignore file names a credential file on purpose: its last
    /// component is spelled out, or is a credential's name once its wildcards are taken out.
    /// `!.env`, `!.env.*` and `!*.pem` do; `!*`, `!*.json` and `!/config/**` do not.
    static func isNamed(by pattern: IgnorePattern) -> Bool {
        let (literal, hasWildcards) = pattern.lastComponent
        guard !literal.isEmpty else { return false }
        return !hasWildcards
            || literal.withUnsafeBufferPointer { name in
                let nothing = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
                return holds(name: name, parent: nothing, isDirectory: false)
                    || holds(name: name, parent: nothing, isDirectory: true)
            }
    }

    /// gitignore syntax, lower case.
    private static let files = IgnoreRules(patterns: [
        // Settings that programs read secrets from, but for the templates that projects publish.
        ".env", ".env.*", ".envrc", "*.env",
        "!.env.example", "!.env.sample", "!.env.template", "!.env.dist", "!.env.defaults",
        "!.env.schema",
        "secrets.json", "secrets.toml", "secrets.yaml", "secrets.yml",
        // Private keys and key stores; the well-known bundles of public certificates are none.
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "id_xmss",
        "*.pem", "!cacert.pem", "!ca-bundle.pem", "!ca-certificates.pem",
        "*.key", "*.ppk", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
        // Logins of hosts, clouds, registries, data bases and trackers.
        ".netrc", "_netrc", ".authinfo", ".git-credentials", ".npmrc", ".pypirc", ".dockercfg",
        ".pgpass", ".my.cnf", ".mylogin.cnf", ".s3cfg", ".boto", ".rclone.conf", "rclone.conf",
        ".htpasswd", ".vault-token", ".terraformrc", ".databrickscfg", ".modal.toml",
        ".comet.config", "kaggle.json",
        "application_default_credentials.json", "credentials.json", "client_secret*.json",
        "service-account*.json", "service_account*.json", "serviceaccount*.json",
        "*-service-account.json", "*_service_account.json", "gcp-key*.json", "gcloud-key*.json",
    ])

    /// Directories that hold little else. A directory called `.env` is a virtual environment.
    private static let directories = IgnoreRules(patterns: [".ssh", ".gnupg", ".azure"])

    private struct ParentRule {
        var name: String
        var parents: [String]
        var isDirectory = false
    }

    private static let byParent: [ParentRule] = [
        ParentRule(name: "credentials", parents: [".aws", ".gem", ".cargo", "git", "doctl"]),
        ParentRule(name: "credentials.toml", parents: [".cargo"]),
        ParentRule(name: "credentials.tfrc.json", parents: [".terraform.d"]),
        ParentRule(name: "config.json", parents: [".docker", ".kaggle"]),
        ParentRule(name: "config", parents: [".kube", ".oci", ".snowsql"]),
        ParentRule(name: "auth.json", parents: [".composer", "containers"]),
        ParentRule(name: "hosts.yml", parents: ["gh"]),
        ParentRule(name: "gcloud", parents: [".config"], isDirectory: true),
        ParentRule(name: "token", parents: ["huggingface", ".huggingface"]),
        ParentRule(name: "stored_tokens", parents: ["huggingface", ".huggingface"]),
        ParentRule(name: "access_token", parents: [".kaggle"]),
    ]

    private static let parentNames: LiteralNames = {
        var names = LiteralNames()
        for (index, rule) in byParent.enumerated() {
            names.insert(Array(rule.name.utf8), index: index)
        }
        return names
    }()

    private static func parentIndex(of name: UnsafeBufferPointer<UInt8>) -> Int? {
        var found: Int?
        parentNames.forEachIndex(of: name) { found = $0 }
        return found
    }

    /// Calls `body` with the name, its ASCII letters in lower case. Nearly all names are so
    /// already and are passed as they are.
    private static func withLowercased<Result>(
        _ name: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
        guard name.contains(where: { capitals.contains($0) }) else { return body(name) }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: name.count) { copy in
            for index in name.indices {
                copy[index] = capitals.contains(name[index]) ? name[index] | 0x20 : name[index]
            }
            return body(UnsafeBufferPointer(copy))
        }
    }
}
