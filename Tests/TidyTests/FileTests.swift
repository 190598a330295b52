import Foundation
import Testing

/// Nothing lies about that nobody builds, reads or wants in the history.
@Suite struct FileTests {
    @Test func everySwiftFileBelongsToATarget() throws {
        let checkout = try Checkout.current
        // Where the package manager looks for what starts the tests.
        let runner = "Tests/XCTMain.swift"
        expectNone(
            checkout.swift.filter { file in
                file.path != runner
                    && !checkout.targets.contains { file.path.hasPrefix($0.path + "/") }
            }.map { Finding(path: $0.path, line: 1, message: "no target builds it") })
    }

    @Test func everyTargetHasFiles() throws {
        let checkout = try Checkout.current
        for target in checkout.targets {
            #expect(
                (checkout.swift + checkout.c).contains { $0.path.hasPrefix(target.path + "/") },
                "\(target.name) is empty")
        }
    }

    /// Two files of one name break the build of a target, or its debugging.
    @Test func namesOfFilesAreUniqueInATarget() throws {
        let checkout = try Checkout.current
        for target in checkout.targets {
            let names = checkout.files(of: target).map { URL(filePath: $0.path).lastPathComponent }
            let twice = Dictionary(grouping: names) { $0 }.filter { $1.count > 1 }.keys.sorted()
            #expect(twice.isEmpty, "\(target.name)")
        }
    }

    /// Beyond that, files stand in folders named by concept.
    @Test func aFolderHoldsAtMostADozenFiles() throws {
        let folders = Dictionary(grouping: try Checkout.current.swift) { file in
            file.path.split(separator: "/").dropLast().joined(separator: "/")
        }
        expectNone(
            folders.filter { $0.value.count > 12 }.sorted { $0.key < $1.key }.map {
                Finding(path: $0.key, line: 1, message: "\($0.value.count) files")
            })
    }

    @Test func nothingThatIsBuiltIsCommitted() throws {
        let paths = try Checkout.current.tracked() ?? []
        expectNone(
            paths.filter { path in
                let first = path.prefix { $0 != "/" }
                return path.hasSuffix("Package.resolved") || first.hasPrefix(".build")
                    || first == ".demo" || path.contains("__pycache__")
            }.map { Finding(path: $0, line: 1, message: "does not belong into the history") })
    }

    @Test func filesAreSmall() throws {
        let checkout = try Checkout.current
        for path in try checkout.tracked() ?? [] {
            // A file that is tracked and gone is being deleted.
            guard let size = try? checkout.size(of: path) else { continue }
            #expect(size <= 1 << 20, "\(path) has \(size) bytes")
        }
    }

    /// What is true on one machine only: folders in which somebody works.
    @Test func nothingNamesAFolderOfSomebodysMachine() throws {
        let checkout = try Checkout.current
        let folders = ["work", "farm"].map { "/" + $0 + "/" }
        for path in try checkout.tracked() ?? [] {
            // Binary files, and those that are being deleted, name no folder.
            guard let text = try? checkout.text(path) else { continue }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in zip(1..., lines) where folders.contains(where: line.contains) {
                expectNone([Finding(path: path, line: number, message: "a folder of one machine")])
            }
        }
    }
}

extension Checkout {
    fileprivate func size(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(
            atPath: root.appending(path: path).path)
        return (attributes[.size] as? Int) ?? 0
    }
}
