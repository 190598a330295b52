/// Makes a virtual environment as `python -m venv` does, in a tenth of its time. Nearly all of it
/// goes into `ensurepip`, which has pip, out of a wheel that comes with Python, install itself and
/// compile all of it. Here that wheel is unpacked, as `virtualenv` does it, and what of it is used
/// is compiled when it is. Where Python does not come with the wheel, `venv` has its way, and says
/// what is missing.
///
/// Only modules of the standard library, and of any Python from 3.8 on. Its argument is where the
/// environment comes to lie.
enum VenvScript {
    static let text = #"""
        import glob, importlib.util, os, sys, sysconfig, venv, zipfile

        def wheel(name, whole):
            bundle = importlib.util.find_spec("ensurepip")
            # What the distributions of Linux leave out of Python, they put there.
            places = [sysconfig.get_config_var("WHEEL_PKG_DIR")] if bundle else []
            if bundle:
                places.append(os.path.join(os.path.dirname(bundle.origin), "_bundled"))
                places.append("/usr/share/python-wheels")
            for place in places:
                if not place:
                    continue
                found = glob.glob(os.path.join(place, name + "-*-py*-none-any.whl"))
                # Some distributions take out of it what they have elsewhere.
                if len(found) == 1 and whole in zipfile.ZipFile(found[0]).namelist():
                    return found[0]
            return None

        target = sys.argv[1]
        # As `venv` itself has it: since 3.12 an environment begins without setuptools.
        wheels = [wheel("pip", "pip/_vendor/requests/__init__.py")]
        if sys.version_info < (3, 12):
            wheels.append(wheel("setuptools", "pkg_resources/__init__.py"))
        if None in wheels:
            sys.exit(venv.main([target]))
        venv.main(["--without-pip", target])
        [packages] = glob.glob(os.path.join(glob.escape(target), "lib", "python*", "site-packages"))
        for path in wheels:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(packages)
        for name in ("pip", "pip3", "pip%d.%d" % sys.version_info[:2]):
            program = os.path.join(target, "bin", name)
            with open(program, "w", encoding="utf-8") as file:
                # A path that is too long for the first line, or has a space, is one for `exec`.
                file.write("#!/bin/sh\n'''exec' \"%s\" \"$0\" \"$@\"\n' '''\n" % (
                    os.path.join(target, "bin", "python")))
                file.write("import sys\nfrom pip._internal.cli.main import main\n"
                           "sys.exit(main())\n")
            os.chmod(program, 0o755)
        """#
}
