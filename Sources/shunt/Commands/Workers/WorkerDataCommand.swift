internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt worker data`.
struct WorkerDataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Declare data that lies on a worker already, or list it.",
        discussion: """
            A job that mounts a dataset goes to workers that have it, and finds it read-only under \
            its directory. It is never sent, and never read to be compared: its fingerprint is of \
            names, sizes and times of change. Without DATASET=PATH all that is declared is listed.

            Example:
              shunt worker data gpu-1 imagenet=/mnt/nfs/imagenet --label private
            """)

    @Argument(help: "The worker; `local` is this machine.")
    var name: String

    @Argument(help: ArgumentHelp("What lies where.", valueName: "dataset=path"))
    var declarations: [String] = []

    @Option(
        name: .customLong("label"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Label the data, for the rules of `never`.", valueName: "label"))
    var labels: [String] = []

    @Option(
        name: .customLong("rm"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Declare a dataset no more.", valueName: "dataset"))
    var removed: [String] = []

    @Option(name: [.short, .long], help: "table or json.")
    var output = PlainOutputFormat.table

    func run() async throws {
        let change = try change()
        let session = try ShuntSession.open()
        guard let name = WorkerName(name) else {
            throw ShuntError(
                .notFound, "there is no worker `\(Quoting.visible(name))`",
                hint: "shunt worker ls")
        }
        let known = try await session.worker(name)
        let progress = ProgressDisplay.forStandardError(quiet: false)
        defer { progress.clear() }
        var found: [DatasetName: DataFingerprint] = [:]
        for dataset in change.put {
            progress.update("looking at `\(dataset.path)`")
            found[dataset.name] = try await known.examine(dataset, over: session)
        }
        if change != DatasetChange() {
            try await session.connection.changeDatasets(change, on: name)
        }
        let worker = try await session.worker(name)
        switch output {
        case .json: try StandardStream.printData(try JSONText.render(worker.datasets))
        case .table: try StandardStream.printData(Self.render(worker.datasets, found))
        }
    }

    private func change() throws -> DatasetChange {
        do throws(FieldError) {
            var labels: [DataLabel] = []
            for text in self.labels { labels.append(try DataFields.label(text)) }
            var change = DatasetChange()
            for text in declarations {
                change.put.append(try DataFields.declaration(text, labels: labels))
            }
            for text in removed { change.remove.append(try DataFields.dataset(text)) }
            guard labels.isEmpty || !change.put.isEmpty else {
                throw FieldError("labels nothing", example: "imagenet=/mnt/nfs/imagenet")
            }
            return change
        } catch {
            throw ShuntError(
                .usage, "`shunt worker data` \(error.problem)",
                hint: "shunt worker data \(Quoting.forShell(name)) \(error.example)")
        }
    }

    private static func render(
        _ datasets: [Dataset], _ found: [DatasetName: DataFingerprint]
    ) -> String {
        // Only what is declared now has been looked at.
        TextTable.render(
            header: ["DATASET", "PATH", "LABELS"] + (found.isEmpty ? [] : ["FOUND"]),
            rows: datasets.map { dataset in
                [
                    dataset.name.text, Quoting.visible(dataset.path),
                    dataset.labels.isEmpty
                        ? "-" : dataset.labels.map(\.text).joined(separator: ","),
                ]
                    + (found.isEmpty
                        ? [] : [found[dataset.name].map(DataText.contents) ?? "-"])
            })
    }
}

extension WorkerView {
    /// What lies where a dataset is to be declared.
    func examine(
        _ dataset: Dataset, over session: ShuntSession
    ) async throws -> DataFingerprint {
        do {
            return try await session.connection.examine(dataset, on: name)
        } catch let error as ShuntError where error.code != .unreachable {
            let look = "ls -ld \(Quoting.forShell(dataset.path))"
            throw ShuntError(
                error.code, "`\(dataset.name)` is not to be had on `\(name)`: \(error.message)",
                hint: address.map { "\($0.ssh) \(look)" } ?? look)
        }
    }
}

/// Data that lies on workers, for people.
enum DataText {
    /// `100000 files, 12.3 GiB`.
    static func contents(_ fingerprint: DataFingerprint) -> String {
        let files = fingerprint.files == 1 ? "1 file" : "\(fingerprint.files) files"
        return (fingerprint.isComplete ? "" : "more than ") + "\(files), \(fingerprint.size)"
    }

    /// `imagenet at data, 100000 files, 12.3 GiB, fingerprint 3f2a1b2c4d5e`.
    static func describe(_ report: DataReport) -> String {
        var parts = ["\(report.dataset) at \(Quoting.visible(report.target))"]
        if let fingerprint = report.fingerprint {
            parts.append(contents(fingerprint))
            parts.append("fingerprint \(fingerprint.digest.short)")
        }
        if report.method == .link {
            parts.append("a link: this worker cannot keep the job from writing to it")
        }
        return parts.joined(separator: ", ")
    }
}
