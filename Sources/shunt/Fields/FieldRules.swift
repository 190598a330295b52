internal import JobModel

/// What each value of a job may be, the same for flags and job files. Every rule takes the text as
/// it was written and gives the value that the job's spec holds, or says what would do.
enum FieldRules {
    static func jobName(_ text: String) throws(FieldError) -> JobName {
        guard let name = JobName(text) else {
            throw FieldError(
                "wants 1 to 63 letters, digits, dots, dashes or underscores, "
                    + "found `\(shown(text))`",
                example: "digits-1")
        }
        return name
    }

    /// `any` means whichever worker fits; of several names, whichever of those.
    static func placement(_ text: String) throws(FieldError) -> JobSpec.PlacementRequest {
        if text == "any" { return .any }
        guard let names = JobSpec.PlacementRequest.names(in: text) else {
            throw FieldError(
                "wants the name of a worker, or names with commas between them, found "
                    + "`\(shown(text))`",
                example: "local")
        }
        return JobSpec.PlacementRequest(names: names)
    }

    static func priority(_ text: String) throws(FieldError) -> Priority {
        guard let priority = Priority(rawValue: text) else {
            throw FieldError(
                "wants `low`, `normal` or `high`, found `\(shown(text))`", example: "high")
        }
        return priority
    }

    /// - Returns: thousandths of a CPU, 1 … 1,024,000.
    static func milliCPUs(_ text: String) throws(FieldError) -> Int64 {
        let error = FieldError(
            "wants a number of CPUs from 0.001 to 1024, found `\(shown(text))`", example: "2")
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = number(parts[0]), whole <= 1024 else {
            throw error
        }
        var thousandths = whole * 1000
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), let fraction = number(parts[1]) else {
                throw error
            }
            let scale: [Int64] = [100, 10, 1]
            thousandths += fraction * scale[parts[1].utf8.count - 1]
        }
        guard (1...Resources.maximum.milliCPUs).contains(thousandths) else { throw error }
        return thousandths
    }

    /// - Returns: at least 1 MiB: a bare `8` is eight bytes, and never what was meant.
    static func memory(_ text: String) throws(FieldError) -> ByteCount {
        guard let amount = ByteCount(parsing: text),
            (ByteCount.mebibytes(1)...Resources.maximum.memory).contains(amount)
        else {
            throw FieldError(
                "wants an amount of memory from 1MiB to 64TiB, found `\(shown(text))`",
                example: "8GiB")
        }
        return amount
    }

    /// A name for the worker's engine, or where the image is made from.
    static func image(_ text: String) throws(FieldError) -> ImageSource {
        guard let image = ImageSource(text) else {
            throw FieldError(
                "wants a name, `./Containerfile`, `oci:DIR`, `docker-archive:FILE` or `local:NAME` "
                    + "with a path below the directory of the job, found `\(shown(text))`",
                example: "python:3.11-slim")
        }
        return image
    }

    static func byteLimit(_ text: String) throws(FieldError) -> ByteCount {
        guard let amount = ByteCount(parsing: text), amount <= .gibibytes(1 << 20) else {
            throw FieldError(
                "wants an amount of bytes up to 1024TiB, found `\(shown(text))`", example: "1GiB")
        }
        return amount
    }

    /// `90s`, `1h30m`, `2d`: whole numbers with units in falling order, one second to ten years.
    static func duration(_ text: String) throws(FieldError) -> Milliseconds {
        guard let duration = DurationText.parse(text),
            (Milliseconds.seconds(1)...Milliseconds.seconds(3650 * 86_400)).contains(duration)
        else {
            throw FieldError(
                "wants a time from 1s to 3650d with its units, found `\(shown(text))`",
                example: "1h30m")
        }
        return duration
    }

    /// A path below the directory of the job, without `.` and `..`; empty for the directory itself.
    static func relativePath(_ text: String) throws(FieldError) -> String {
        guard !text.isEmpty else {
            throw FieldError("wants a path, found none", example: "results")
        }
        guard !text.hasPrefix("/"), !text.utf8.contains(0) else {
            throw FieldError(
                "wants a path below the directory of the job, found `\(shown(text))`",
                example: "results")
        }
        var parts: [Substring] = []
        for part in text.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                throw FieldError(
                    "leads out of the directory of the job: `\(shown(text))`", example: "results")
            }
        }
        return parts.joined(separator: "/")
    }

    /// The name or path of an environment on a worker, or a `module load` line.
    static func existingEnvironment(_ text: String) throws(FieldError) -> String {
        guard !text.isEmpty, !text.utf8.contains(0), !text.utf8.contains(UInt8(ascii: "\n")) else {
            throw FieldError(
                "wants a name, a path or a `module load` line, found `\(shown(text))`",
                example: "/opt/envs/torch")
        }
        guard !text.hasPrefix("module ") || text.hasPrefix("module load ") else {
            throw FieldError(
                "wants a line that loads a module, found `\(shown(text))`",
                example: "module load cuda")
        }
        // A shell reads the line on the worker.
        guard !text.hasPrefix("module ") || text.utf8.allSatisfy(isOfModules) else {
            throw FieldError(
                "wants nothing but names of modules after `module load`, found `\(shown(text))`",
                example: "module load cuda/12.4 cudnn")
        }
        return text
    }

    /// Names of modules have letters, digits and these; a space stands between two of them.
    private static func isOfModules(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "/._-+:@= ".utf8.contains(byte)
        }
    }

    static func variableName(_ text: String) throws(FieldError) -> String {
        let bytes = Array(text.utf8)
        let isValid = bytes.indices.allSatisfy { index in
            switch bytes[index] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "_"):
                true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
            default: false
            }
        }
        guard !bytes.isEmpty, isValid else {
            throw FieldError(
                "wants names of letters, digits and underscores, found `\(shown(text))`",
                example: "EPOCHS=10")
        }
        guard !text.hasPrefix("SHUNT_") else {
            throw FieldError(
                "sets `\(text)`, and names that begin with `SHUNT_` are shunt's own",
                example: "EPOCHS=10")
        }
        return text
    }

    /// `NAME=VALUE` of a flag.
    static func variable(
        _ text: String
    ) throws(FieldError) -> JobSpec.EnvironmentVariable {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            if text.first == "=" {
                throw FieldError("wants NAME=VALUE, found `\(shown(text))`", example: "SEED=1")
            }
            let name = try variableName(text)
            throw FieldError(
                "wants NAME=VALUE, found `\(name)` alone", example: "\(name)=\"$\(name)\"")
        }
        let name = try variableName(String(text[..<equals]))
        return JobSpec.EnvironmentVariable(
            name: name, value: String(text[text.index(after: equals)...]))
    }

    /// The name of a secret. What somebody wrote in its place may be the secret itself, so it is
    /// never shown.
    static func secretName(_ text: String) throws(FieldError) -> String {
        guard !text.hasPrefix("SHUNT_") else {
            throw FieldError(
                "has a name that begins with `SHUNT_`, and these are shunt's own",
                example: "HF_TOKEN")
        }
        guard Secret.isName(text) else {
            throw FieldError(
                "wants a name of up to \(SecretLimits.nameLength) letters, digits and underscores",
                example: "HF_TOKEN")
        }
        return text
    }

    /// `NAME`, or `NAME=FILE`.
    static func secret(_ text: String) throws(FieldError) -> SecretWish {
        guard let equals = text.firstIndex(of: "=") else {
            return SecretWish(name: try secretName(text), source: .variable)
        }
        let name = try secretName(String(text[..<equals]))
        return SecretWish(
            name: name, source: .file(try secretFile(String(text[text.index(after: equals)...]))))
    }

    /// Of a secret; not shown either.
    static func secretFile(_ text: String) throws(FieldError) -> String {
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw FieldError("wants a file behind the name", example: "HF_TOKEN=token.txt")
        }
        return text
    }

    /// Text that a command line or an environment can carry.
    static func argument(_ text: String) throws(FieldError) -> String {
        guard !text.utf8.contains(0) else {
            throw FieldError("has a NUL byte in it, which no command can take", example: "text")
        }
        return text
    }

    private static func number(_ digits: Substring) -> Int64? {
        guard !digits.isEmpty, digits.utf8.count <= 9,
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(digits)
    }

    private static func shown(_ text: String) -> String {
        Quoting.truncated(Quoting.visible(text), to: 60)
    }
}
