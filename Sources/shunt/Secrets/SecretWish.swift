internal import JobModel

/// A secret that flags or a job file ask for: what it is called, and where its value is.
struct SecretWish: Hashable {
    /// Where the value comes from; never the value itself.
    enum Source: Hashable {
        /// The variable of the secret's name, in the environment of this process.
        case variable
        /// As it was written: relative to the working directory.
        case file(String)
        /// As it was written in a job file: relative to the directory of that.
        case fileBesideJob(String)
    }

    var name: String
    var source: Source

    /// Those of the job file, but for the ones that flags name as well, and those of the flags.
    static func merged(
        _ flags: JobFlags, _ file: JobFile
    ) throws(ShuntError) -> [SecretWish] {
        var wishes: [SecretWish] = []
        for text in flags.secrets {
            guard let wish = try flags.value("--secret", text, FieldRules.secret) else { continue }
            guard !wishes.contains(where: { $0.name == wish.name }) else {
                throw ShuntError(
                    .usage, "`--secret` names `\(wish.name)` twice",
                    hint: "shunt \(flags.subcommand) --secret \(wish.name) -- true")
            }
            wishes.append(wish)
        }
        let ofFile = file.secrets.filter { wish in !wishes.contains { $0.name == wish.name } }
        return ofFile + wishes
    }

    /// One name cannot stand for both: which of the two the job would see is nobody's guess.
    static func refuseVariables(_ spec: JobSpec, _ subcommand: String) throws(ShuntError) {
        guard let both = spec.environment.first(where: { spec.secrets.contains($0.name) }) else {
            return
        }
        throw ShuntError(
            .usage, "`\(both.name)` is a variable of the job and a secret: keep one of the two",
            hint: "shunt \(subcommand) --secret \(both.name) -- true")
    }
}
