import Foundation
import JobModel
import Testing

@testable import shunt

@Suite struct CondaTests {
    @Test func packagesAreNamedByAddressAndChecksumAndWhatIsOnlyHereIsNamed() throws {
        let text = """
            [{"name": "zlib", "url": "https://host/c/linux-64/zlib-1-0.conda", "md5": "ab",
              "subdir": "linux-64"},
             {"name": "a", "url": "https://host/c/noarch/a-1-0.tar.bz2", "subdir": "noarch"},
             {"name": "b", "url": "file:///c/noarch/b-1-0.tar.bz2", "subdir": "noarch"},
             {"name": "c", "url": "https://me:pw@host/c-1-0.conda"},
             {"name": "d", "url": "https://host/t/token/c/d-1-0.conda"},
             {"name": "e"}]
            """
        let packages = try JSONDecoder().decode(
            [CapturedEnvironment.CondaPackage].self, from: Data(text.utf8))
        let lock = CondaLock(packages)
        #expect(
            lock.lines == [
                "@EXPLICIT", "https://host/c/noarch/a-1-0.tar.bz2",
                "https://host/c/linux-64/zlib-1-0.conda#ab",
            ])
        #expect(lock.count == 2)
        #expect(lock.platform == "linux-64")
        #expect(lock.gaps.map { $0.prefix(2) } == ["b:", "c:", "d:", "e:"])
        #expect(!lock.gaps.joined().contains("pw") && !lock.gaps.joined().contains("token"))
    }

    @Test func aFileOfTheUsualKindIsTaken() throws {
        let text = """
            name: lab
            channels: [conda-forge, nodefaults]
            dependencies:
              - python=3.11
              - numpy
              - pip
              - pip:
                - six==1.16.0
            prefix: /home/ada/envs/lab
            """
        try CondaFile.check(Array(text.utf8), name: "environment.yml")
    }

    @Test func whatIsFetchedHereIsSaidWithItsReason() {
        let name = WorkerName("gpu-1")
        #expect(PackageSupply().remark(name) == nil)
        var supply = PackageSupply(architecture: "x86_64")
        #expect(supply.remark(name)?.contains("since `gpu-1` has no route") == true)
        supply.isAskedFor = true
        #expect(supply.remark(name) == "fetched here as wheels for `gpu-1`")
    }
}
