internal import JobModel

/// Rules for data that lies on workers, the same for flags, job files and inventories.
enum DataFields {
    /// `PATH=DATASET` of a flag.
    static func mount(_ text: String) throws(FieldError) -> DataMount {
        guard let equals = text.lastIndex(of: "="), equals != text.startIndex else {
            throw FieldError(
                "wants PATH=DATASET, found `\(shown(text))`", example: "data=imagenet")
        }
        do throws(FieldError) {
            return DataMount(
                target: try target(String(text[..<equals])),
                dataset: try dataset(String(text[text.index(after: equals)...])))
        } catch {
            throw FieldError(error.problem, example: "data=imagenet")
        }
    }

    /// Where under the directory of the job; a slash at the end changes nothing.
    static func target(_ text: String) throws(FieldError) -> String {
        let path = try FieldRules.relativePath(text)
        guard DataMount.isTarget(path) else {
            throw FieldError(
                "wants a path below the directory of the job, found `\(shown(text))`",
                example: "data")
        }
        return path
    }

    static func dataset(_ text: String) throws(FieldError) -> DatasetName {
        guard let name = DatasetName(text) else {
            throw FieldError(
                "wants the name of a dataset, of letters, digits and `._-`, found "
                    + "`\(shown(text))`", example: "imagenet")
        }
        return name
    }

    static func label(_ text: String) throws(FieldError) -> DataLabel {
        guard let label = DataLabel(text) else {
            throw FieldError(
                "wants a label of letters, digits and `._-`, found `\(shown(text))`",
                example: "private")
        }
        return label
    }

    /// On a worker.
    static func path(_ text: String) throws(FieldError) -> String {
        var path = text
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard Dataset.isPath(path) else {
            throw FieldError(
                "wants an absolute path without `.` and `..`, found `\(shown(text))`",
                example: "/mnt/nfs/imagenet")
        }
        return path
    }

    /// `DATASET=PATH` of a command line.
    static func declaration(
        _ text: String, labels: [DataLabel]
    ) throws(FieldError) -> Dataset {
        guard let equals = text.firstIndex(of: "=") else {
            throw FieldError(
                "wants DATASET=PATH, found `\(shown(text))`", example: "imagenet=/mnt/nfs/imagenet")
        }
        do throws(FieldError) {
            return Dataset(
                name: try dataset(String(text[..<equals])),
                path: try path(String(text[text.index(after: equals)...])), labels: labels)
        } catch {
            throw FieldError(error.problem, example: "imagenet=/mnt/nfs/imagenet")
        }
    }

    private static func shown(_ text: String) -> String {
        Quoting.truncated(Quoting.visible(text), to: 60)
    }
}
