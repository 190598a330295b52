internal import Glibc
internal import JobModel

/// What conda has put into an environment, as `conda create --file` reads it.
struct CondaLock: Hashable {
    /// `@EXPLICIT`, and an address with its checksum a line.
    var lines: [String] = ["@EXPLICIT"]
    /// What cannot be had elsewhere, a line each.
    var gaps: [String] = []
    /// What the packages are for, as conda calls it.
    var platform: String

    /// How many packages it names.
    var count: Int { lines.count - 1 }

    /// - Parameter packages: as `conda-meta` of the environment has them.
    init(_ packages: [CapturedEnvironment.CondaPackage]) {
        platform = packages.lazy.compactMap(\.subdir).first { $0 != "noarch" } ?? Self.ownPlatform
        for package in packages.sorted(by: { ($0.name, $0.url ?? "") < ($1.name, $1.url ?? "") }) {
            let name = Quoting.visible(package.name)
            guard let url = package.url, url.contains("://") else {
                gaps.append("\(name): conda does not know where it came from")
                continue
            }
            guard !url.hasPrefix("file:"), !EnvironmentLock.holdsCredentials(url),
                !url.contains("/t/"), !url.contains(where: \.isWhitespace)
            else {
                gaps.append("\(name): comes from a place that only this machine can use")
                continue
            }
            lines.append(url + (package.md5.map { "#" + $0 } ?? ""))
        }
    }

    private static var ownPlatform: String {
        var name = utsname()
        uname(&name)
        let machine = withUnsafeBytes(of: name.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return machine == "x86_64" ? "linux-64" : "linux-" + machine
    }
}
