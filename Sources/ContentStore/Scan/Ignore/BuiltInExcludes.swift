/// What stays out of a snapshot whose root has no `.shuntignore`, and out of outputs always:
/// version control, virtual environments, caches and what desktops leave behind. Each is made anew
/// by the tool that owns it, belongs to this machine, and can be large.
///
/// Not here on purpose: what `.gitignore` names, since data is often ignored by git and needed for
/// training; `build`, `dist` and `target`, which may hold what a job runs; `*.pyc` outside of
/// `__pycache__`, which some packages ship; `.vscode` and `.idea`, which are small and read by
/// scripts now and then.
package enum BuiltInExcludes {
    /// Names alone, so that no path is needed to ask.
    package static let rules = IgnoreRules(patterns: [
        ".git", ".hg/", ".svn/", ".bzr/", ".jj/",
        ".venv/", ".virtualenv/", ".conda/", ".pixi/", ".tox/", ".nox/", ".eggs/",
        "__pycache__/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".pytype/", ".pyre/",
        ".hypothesis/", ".ipynb_checkpoints/", ".cache/",
        "node_modules/", ".npm/", ".pnpm-store/",
        ".DS_Store", "._*", "Thumbs.db", "desktop.ini", ".Trash-*/", ".*.sw[op]",
        ".nfs[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*",
    ])

    /// A directory that holds an entry of one of these names is an environment, whatever it is
    /// called: of `venv` (PEP 405), or of conda. The root of a snapshot is never taken for one.
    package static let environmentMarkers = [Array("pyvenv.cfg".utf8), Array("conda-meta".utf8)]

    /// Stays out whatever a `.shuntignore` says: the directory, or the file that stands for it in
    /// work trees and submodules. Commit and branch are recorded instead.
    package static let alwaysExcluded = Array(".git".utf8)

    /// Whether an entry stays out by its own name. The names of its parents, and the markers, are
    /// for the caller's walk to look at.
    package static func excludes(name: [UInt8], isDirectory: Bool) -> Bool {
        rules.verdict(path: name, isDirectory: isDirectory) == .excluded
    }
}
