internal import JobModel
internal import Yams

/// What a file says of data that lies on workers.
extension JobFileReader {
    /// `mounts`: paths to datasets.
    func mounts(of entry: Entry) throws(ShuntError) -> [DataMount] {
        guard case .mapping(let mapping) = entry.node else {
            throw wrongType(entry, wants: "a mapping such as `data/: imagenet`")
        }
        try checkTag(of: entry.node, tag: mapping.tag, is: .map)
        var mounts: [DataMount] = []
        for (key, node) in mapping {
            let target = try valid(key, DataFields.target, path: "mounts")
            let value = Entry(key: target, path: "mounts.\(target)", node: node)
            let mount = DataMount(
                target: target, dataset: try self.value(of: value, DataFields.dataset))
            if let other = mounts.first(where: mount.overlaps) {
                throw error(
                    at: key,
                    "the mounts at `\(other.target)` and `\(target)` are in each other's way")
            }
            mounts.append(mount)
            try check(mounts.count, atMost: DataLimits.mounts, "mounts", of: entry)
        }
        return mounts
    }

    /// One label, or a list.
    func labels(of entry: Entry) throws(ShuntError) -> [DataLabel] {
        guard case .sequence(let items) = entry.node else {
            return [try value(of: entry, wants: "a label or a list of labels", DataFields.label)]
        }
        try checkTag(of: entry.node, tag: items.tag, is: .seq)
        var labels: [DataLabel] = []
        for item in items {
            let element = Entry(
                key: entry.key, path: "\(entry.path)[\(labels.count)]", node: item)
            labels.append(try value(of: element, DataFields.label))
            try check(labels.count, atMost: DataLimits.labels, "labels", of: entry)
        }
        return labels
    }

    /// `data` of a worker: names to paths, or to paths with labels.
    func datasets(of entry: Entry) throws(ShuntError) -> [Dataset] {
        guard case .mapping(let mapping) = entry.node else {
            throw wrongType(entry, wants: "a mapping such as `imagenet: /mnt/nfs/imagenet`")
        }
        var datasets: [Dataset] = []
        for (key, node) in mapping {
            let name = try valid(key, DataFields.dataset, path: "data")
            let value = Entry(key: name.text, path: "data.\(name)", node: node)
            datasets.append(try dataset(name, value))
            try check(datasets.count, atMost: DataLimits.datasets, "datasets", of: entry)
        }
        return datasets
    }

    private func dataset(_ name: DatasetName, _ entry: Entry) throws(ShuntError) -> Dataset {
        guard case .mapping = entry.node else {
            return Dataset(name: name, path: try value(of: entry, DataFields.path))
        }
        var path: String?
        var labels: [DataLabel] = []
        for part in try entries(of: entry.node, in: .dataset) {
            switch part.key {
            case "path": path = try value(of: part, DataFields.path)
            case "labels": labels = try self.labels(of: part)
            default: preconditionFailure("`\(part.key)` is listed as a key and is not read")
            }
        }
        guard let path else {
            throw error(
                at: entry.node, "`\(entry.path)` names no path",
                advice: "`\(name): {path: /mnt/nfs/\(name)}` would do")
        }
        return Dataset(name: name, path: path, labels: labels)
    }
}
