/// What an environment's own Python is asked: which distributions it has, as JSON. Only modules of
/// the standard library, and of any Python from 3.8 on. Its argument is the environment.
///
/// In one of conda's also what `conda list --explicit --md5` says, from the same records; what
/// these call their own is no distribution that `pip` put there.
///
/// A distribution whose metadata lies outside of the environment, beside a `setup.py` or a
/// `pyproject.toml`, was installed with `setup.py develop`: its `source` is that directory.
enum CaptureScript {
    static let text = #"""
        import importlib.metadata, json, os, subprocess, sys, sysconfig

        def inside(path, root):
            path, root = os.path.realpath(path), os.path.realpath(root)
            return path == root or path.startswith(root.rstrip(os.sep) + os.sep)

        def project(path):
            for _ in range(3):
                for name in ("pyproject.toml", "setup.py"):
                    if os.path.isfile(os.path.join(path, name)):
                        return os.path.realpath(path)
                path = os.path.dirname(path)
            return None

        def indexes():
            command = [sys.executable, "-m", "pip", "config", "list"]
            answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            found = []
            for line in answer.stdout.decode("utf-8", "replace").splitlines():
                key, _, value = line.partition("=")
                if key.rpartition(".")[2] in ("index-url", "extra-index-url"):
                    found += value.strip().strip("'\"").replace("\\n", " ").split()
            return found

        root = sys.argv[1]
        conda, owned = None, set()
        records = os.path.join(root, "conda-meta")
        if os.path.isdir(records):
            conda = []
            for name in sorted(os.listdir(records)):
                if not name.endswith(".json"):
                    continue
                with open(os.path.join(records, name), encoding="utf-8") as file:
                    record = json.load(file)
                conda.append({key: record.get(key) for key in ("name", "url", "md5", "subdir")})
                for path in record.get("files") or []:
                    if ".dist-info/" in path or ".egg-info" in path:
                        full = os.path.join(os.path.realpath(root), path)
                        owned.update((full, os.path.dirname(full)))

        foreign = conda is not None and not inside(sys.prefix, root)
        found, names = [], set()
        for one in [] if foreign else importlib.metadata.distributions():
            if owned and os.path.realpath(str(getattr(one, "_path", ""))) in owned:
                continue
            metadata = one.metadata
            name = metadata["Name"] if metadata is not None else None
            version = metadata["Version"] if metadata is not None else None
            where = str(one.locate_file(""))
            key = (name or "").lower().replace("_", "-").replace(".", "-")
            if name and key in names:
                continue
            names.add(key)
            try:
                direct = json.loads(one.read_text("direct_url.json") or "null")
            except ValueError:
                direct = None
            entry = {"name": name, "version": version, "direct": direct, "where": where}
            if not inside(where, sys.prefix):
                entry["source"] = project(where)
                entry["system"] = entry["source"] is None
            found.append(entry)
        local = any("+" in (one["version"] or "") for one in found)
        json.dump({
            "python": "%d.%d" % sys.version_info[:2],
            "implementation": sys.implementation.name,
            "distributions": found,
            "indexes": indexes() if local else [],
            "conda": conda,
        }, sys.stdout)
        """#
}
