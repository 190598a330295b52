/// What an environment's own Python is asked: which distributions it has, as JSON. Only modules of
/// the standard library, and of any Python from 3.8 on. Its arguments are the environment and the
/// job's directory.
///
/// In one of conda's also what `conda list --explicit --md5` says, from the same records; what
/// these call their own is no distribution that `pip` put there.
///
/// A distribution whose metadata lies outside of the environment, beside a `setup.py` or a
/// `pyproject.toml`, was installed with `setup.py develop`: its `source` is that directory.
///
/// An editable install whose code is imported from nowhere but the job's directory is `live`: that
/// directory goes along anyway, so that all it wants is the paths of its code and what it says of
/// itself: a wheel (the binary distribution format of packaging.python.org) whose only code is a
/// line that adds the paths, which the job's environment tells.
enum CaptureScript {
    static let text = #"""
        import base64, hashlib, importlib.metadata, importlib.util, io, json, os, re, subprocess
        import sys, zipfile

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

        def places(name):
            spec = importlib.util.find_spec(name)
            if spec is None:
                return {None}
            found = [path for path in spec.submodule_search_locations or [] if os.path.isdir(path)]
            if not found and spec.origin:
                found = [os.path.splitext(spec.origin)[0]]
            # A package that lies under another name is found by no path.
            return {os.path.dirname(path) if os.path.basename(path) == name else None
                    for path in found}

        def imported_from(one):
            scripts = {entry.name for entry in one.entry_points
                       if entry.group in ("console_scripts", "gui_scripts")}
            found = set()
            for file in one.files or []:
                if file.name.endswith(".pth"):
                    with open(one.locate_file(file), encoding="utf-8") as lines:
                        found.update(os.path.join(one.locate_file(""), line.strip())
                                     for line in lines
                                     if line.strip() and not line.startswith(("#", "import")))
                elif not (file.parts[0].endswith(".dist-info") or "__pycache__" in file.parts
                          or file.name.startswith("__editable__")
                          or file.parts[0] == ".." and file.name in scripts):
                    return {None}
            for name in (one.read_text("top_level.txt") or "").split():
                found |= places(name)
            return found

        # Read by site when Python starts, as the line that it stands for, and as late in the path.
        LINE = ("import os, sys; sys.path += [one for one in "
                "os.environ.get('SHUNT_IMPORT_PATHS', '').split(os.pathsep) "
                "if one and one not in sys.path]\n")

        def live(one, directory):
            # What was compiled fits this machine.
            if "Root-Is-Purelib: true" not in (one.read_text("WHEEL") or "").splitlines():
                return None
            paths = imported_from(one)
            if not paths or None in paths or not all(inside(path, directory) for path in paths):
                return None
            if any("__editable__" in path for path in paths):
                return None
            files = {"WHEEL": "Wheel-Version: 1.0\nGenerator: shunt\n"
                              "Root-Is-Purelib: true\nTag: py3-none-any\n",
                     "METADATA": one.read_text("METADATA")}
            for name in ("entry_points.txt", "top_level.txt"):
                files[name] = one.read_text(name)
            name = "%s-%s" % (re.sub("[-_.]+", "_", one.metadata["Name"]),
                              one.metadata["Version"].replace("-", "_"))
            record, buffer = [], io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as wheel:
                def add(path, content):
                    info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
                    info.external_attr = 0o644 << 16
                    wheel.writestr(info, content)
                    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
                    record.append("%s,sha256=%s,%d" % (
                        path, digest.decode().rstrip("="), len(content)))
                add("__shunt__%s.pth" % name, LINE.encode())
                for file, text in sorted(files.items()):
                    if text:
                        add("%s.dist-info/%s" % (name, file), text.encode())
                place = "%s.dist-info/RECORD" % name
                record.append(place + ",,")
                add(place, ("\n".join(record) + "\n").encode())
            return {
                "paths": sorted(os.path.relpath(os.path.realpath(path), directory)
                                for path in paths),
                "name": name + "-py3-none-any.whl",
                "wheel": base64.b64encode(buffer.getvalue()).decode(),
            }

        root, directory = sys.argv[1], os.path.realpath(sys.argv[2])
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
            editable = ((direct or {}).get("dir_info") or {}).get("editable")
            if name and version and editable:
                # Whatever is odd about it, it can still go along as a directory.
                try:
                    entry["live"] = live(one, directory)
                except Exception:
                    entry["live"] = None
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
