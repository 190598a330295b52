import Testing

/// The rules bite: each finds what it is there for, and is not fooled by comments and literals.
@Suite struct ToolTests {
    @Test func codeIsToldFromCommentsAndLiterals() throws {
        let file = try SourceFile(
            #"""
            let a = "import X \(f("try!", { 1 })) }" // fatalError(
            /* one /* two */ try! */ let b = """
                { " try!
                """
            let c = #"\" } "#, d = #/"{/#
            """#)
        #expect(file.tokens.filter { ["{", "}", "try", "import"].contains($0.text) }.isEmpty)
        #expect(file.tokens.map(\.text).filter { $0 == "let" }.count == 3)
        #expect(Set(file.comments.keys) == [1, 2])
        #expect(BannedCodeTests.traps(file).isEmpty)
    }

    @Test func charactersOfCAreLiterals() throws {
        let file = try SourceFile("int f(void)\n{\n  return '{' + '\\'';\n}\n", language: .c)
        #expect(file.functions == [FunctionExtent(name: "f", first: 2, last: 4)])
    }

    @Test func functionsAreMeasured() throws {
        let file = try SourceFile(
            """
            protocol P {
                func required(_ x: Int = 3)
                var stored: Int { get }
            }
            struct S {
                var a = [1].map { $0 }
                init(
                    b: () -> Void = {}
                ) {
                    self.init()
                }
                func f() -> Int { 1 }
            }
            """)
        #expect(
            file.functions == [
                FunctionExtent(name: "stored", first: 3, last: 3),
                FunctionExtent(name: "init", first: 7, last: 11),
                FunctionExtent(name: "f", first: 12, last: 12),
            ])
        let body = String(repeating: "    x()\n", count: 69)
        #expect(SizeTests.longFunctions(try SourceFile("func f() {\n\(body)}\n")).count == 1)
    }

    @Test func linesAreMeasured() throws {
        let wide = String(repeating: "x", count: 101)
        #expect(SizeTests.wideLines(try SourceFile("a\n// \(wide)")).map(\.line) == [2])
        #expect(SizeTests.wideLines(try SourceFile("// https://\(wide)")).isEmpty)
    }

    @Test func bannedCodeIsFound() throws {
        #expect(BannedCodeTests.traps(try SourceFile("try! f()\nfatalError(\"\")")).count == 2)
        let mark = "TO" + "DO"
        #expect(BannedCodeTests.marks(try SourceFile("// \(mark): later")).count == 1)
        #expect(BannedCodeTests.marks(try SourceFile("let x = \"\(mark)\"")).isEmpty)
    }

    @Test func reasonsAreAskedFor() throws {
        #expect(BannedCodeTests.droppedErrors(try SourceFile("x()\ntry? f()")).count == 1)
        let guarded = "// Harmless.\nguard let a,\n    let b = try? f(),\n    let c = try? g()"
        #expect(BannedCodeTests.droppedErrors(try SourceFile(guarded)).isEmpty)
        let promise = "class C: @unchecked Sendable {"
        #expect(BannedCodeTests.promises(try SourceFile(promise)).count == 1)
        #expect(BannedCodeTests.promises(try SourceFile("// Right.\n" + promise)).isEmpty)
        #expect(BannedCodeTests.sleeps(try SourceFile("\nx(); usleep(1)\n")).count == 1)
        #expect(BannedCodeTests.sleeps(try SourceFile("f(loop.sleep(1))")).isEmpty)
    }

    @Test func importsAreFound() throws {
        let file = try SourceFile("internal import A\n@testable import B\nimport struct C.D\n")
        #expect(file.imports.map(\.module) == ["A", "B", "C"])
        #expect(ImportTests.strays(file, allowed: ["A", "B"]).map(\.line) == [3])
    }

    @Test func missingDocCommentsAreFound() throws {
        let file = try SourceFile(
            """
            /// It is.
            @frozen
            package struct S {
                package static func f() {}
                /// It does.
                package func g() {}
                package static func == (a: S, b: S) -> Bool { true }
                func h() {}
            }
            """)
        #expect(DocumentationTests.undocumented(file).map(\.line) == [4])
        let code = String(repeating: "x()\n", count: 40)
        #expect(DocumentationTests.silentStart(try SourceFile("import A\n" + code)).count == 1)
    }

    @Test func theManifestIsRead() throws {
        let targets = try Target.all(
            inManifest: Array(
                """
                let package = Package(dependencies: [.package(url: "u", exact: "1")], targets: [
                    .systemLibrary(name: "C"),
                    .target(name: "A", dependencies: ["C", .product(name: "P", package: "p")]),
                    .executableTarget(name: "x", path: "Tests/X"),
                    .testTarget(name: "T", dependencies: [.target(name: "A")]),
                ])
                """.utf8))
        #expect(targets.map(\.name) == ["C", "A", "x", "T"])
        #expect(targets.map(\.dependencies) == [[], ["C", "P"], [], ["A"]])
        #expect(targets.map(\.path) == ["Sources/C", "Sources/A", "Tests/X", "Tests/T"])
    }

    @Test func tablesAreRead() {
        let text = "x\n| target | may |\n|---|---|\n| `a` | `b`, `c` |\n\n| d | e |"
        let rows = MarkdownTable.rows(in: text, header: "target")
        #expect(rows == [["`a`", "`b`, `c`"]])
        #expect(MarkdownTable.code(in: rows[0][1]) == ["b", "c"])
    }
}
