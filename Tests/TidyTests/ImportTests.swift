import Testing

/// The order of the targets: table, manifest, code and documentation say the same.
@Suite struct ImportTests {
    @Test func theTableNamesTheTargetsInTheOrderOfTheManifest() throws {
        let declared = try Checkout.current.targets.filter { $0.path.hasPrefix("Sources/") }
        #expect(declared.map(\.name) == ImportTable.rows.map(\.target))
    }

    @Test func aTargetImportsOnlyWhatStandsAboveIt() {
        var above: Set<String> = []
        for row in ImportTable.rows {
            #expect(above.isSuperset(of: row.targets), "\(row.target)")
            above.insert(row.target)
        }
    }

    @Test func everyImportIsInItsRow() throws {
        let checkout = try Checkout.current
        for row in ImportTable.rows {
            let target = try #require(checkout.targets.first { $0.name == row.target })
            var allowed = Set(row.targets + row.modules)
            if row.target != ImportTable.pure { allowed.formUnion(ImportTable.everywhere) }
            expectNone(checkout.files(of: target).flatMap { Self.strays($0, allowed: allowed) })
        }
    }

    @Test func everyRowIsNeeded() throws {
        let checkout = try Checkout.current
        for row in ImportTable.rows {
            let target = try #require(checkout.targets.first { $0.name == row.target })
            let imported = Set(checkout.files(of: target).flatMap { $0.imports.map(\.module) })
            let idle = Set(row.targets + row.modules).subtracting(imported)
            #expect(idle.isEmpty, "\(row.target) may import what it does not")
        }
    }

    /// Of tests too: a dependency that nobody imports costs builds, and one that is not declared
    /// is found or not by the luck of the order in which things are built.
    @Test func theManifestDeclaresWhatIsImported() throws {
        let checkout = try Checkout.current
        let executables = Set(checkout.targets.filter { $0.kind == .executable }.map(\.name))
        for target in checkout.targets where !checkout.files(of: target).isEmpty {
            let imported = Set(checkout.files(of: target).flatMap { $0.imports.map(\.module) })
                .subtracting(ImportTable.toolchain)
            let declared = Set(target.dependencies)
            #expect(imported.subtracting(declared).isEmpty, "not declared by \(target.name)")
            // What a test starts as a process is declared so that it is built.
            #expect(
                declared.subtracting(imported).subtracting(executables).isEmpty,
                "declared by \(target.name) for nothing")
        }
    }

    @Test func theAgentLinksNoFoundation() throws {
        let checkout = try Checkout.current
        var linked: Set<String> = []
        var open = ["shunt-agent"]
        while let name = open.popLast() {
            guard linked.insert(name).inserted,
                let target = checkout.targets.first(where: { $0.name == name })
            else { continue }
            open += target.dependencies
            expectNone(
                checkout.files(of: target).flatMap { file in
                    file.imports.filter { ImportTable.notInAgent.contains($0.module) }.map {
                        Finding(
                            path: file.path, line: $0.line,
                            message: "`\($0.module)` would be linked into the agent")
                    }
                })
        }
        #expect(
            linked.isSuperset(of: ["AgentService", "JobModel", "ByteStream", "UVLoop", "Wire"]))
    }

    @Test func theDocumentationShowsTheTable() throws {
        let document = try Checkout.current.text("docs/architecture.md")
        let rows = MarkdownTable.rows(in: document, header: "target")
        #expect(
            rows.map { $0[0] } == ImportTable.rows.map { "`\($0.target)`" },
            "docs/architecture.md has other targets")
        for (row, shown) in zip(ImportTable.rows, rows) {
            #expect(Set(MarkdownTable.code(in: shown[1])) == Set(row.targets), "\(row.target)")
            #expect(Set(MarkdownTable.code(in: shown[2])) == Set(row.modules), "\(row.target)")
        }
    }

    static func strays(_ file: SourceFile, allowed: Set<String>) -> [Finding] {
        file.imports.filter { !allowed.contains($0.module) }.map {
            Finding(
                path: file.path, line: $0.line,
                message: "`\($0.module)` is not in the target's row of the import table")
        }
    }
}
