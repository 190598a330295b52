import Foundation
import Testing

/// What is visible outside a target says what it is, and so does every file.
@Suite struct DocumentationTests {
    /// The targets whose declarations others call.
    static let documented: Set<String> = [
        "JobModel", "ByteStream", "UVLoop", "Wire", "ContentStore", "Transfer",
        "SSHTransport", "Ledger", "CoordinatorClient",
    ]

    @Test func whatOthersCallHasADocComment() throws {
        let checkout = try Checkout.current
        for target in checkout.targets where Self.documented.contains(target.name) {
            expectNone(checkout.files(of: target).flatMap(Self.undocumented))
        }
    }

    @Test func aFileSaysEarlyWhatItIs() throws {
        let sources = try Checkout.current.swift.filter { $0.path.hasPrefix("Sources/") }
        expectNone(sources.flatMap(Self.silentStart))
    }

    @Test func documentsAreReachable() throws {
        let checkout = try Checkout.current
        let folder = checkout.root.appending(path: "docs").path
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { $0.contains(".") }.map { "docs/\($0)" }
        let linked = try Set(["README.md", "docs/README.md"].flatMap(links))
        expectNone(
            files.filter { !linked.contains($0) }.map {
                Finding(path: $0, line: 1, message: "no README leads here")
            })
    }

    @Test func linksOfDocumentsLeadSomewhere() throws {
        let checkout = try Checkout.current
        let folder = checkout.root.appending(path: "docs").path
        let documents = try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
        for document in documents + ["README.md"] {
            for link in try links(from: document) {
                let target = checkout.root.appending(path: link).path
                #expect(FileManager.default.fileExists(atPath: target), "\(document) → \(link)")
            }
        }
    }

    /// Paths from the root of the checkout to which a document's relative links lead.
    private func links(from document: String) throws -> [String] {
        let folder = document.split(separator: "/").dropLast().joined(separator: "/")
        return try Checkout.current.text(document).components(separatedBy: "](").dropFirst()
            .compactMap { rest in
                let link = rest.prefix { $0 != ")" && $0 != "#" }
                guard !link.isEmpty, !link.contains("://") else { return nil }
                let path = folder.isEmpty ? String(link) : "\(folder)/\(link)"
                return NSString(string: path).standardizingPath
            }
    }

    /// Declarations of types and functions that are visible outside of the target. Operators and
    /// what a protocol of the standard library asks for mean what they mean everywhere.
    static func undocumented(_ file: SourceFile) -> [Finding] {
        let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol", "func"]
        let modifiers: Set<String> = [
            "static", "final", "mutating", "nonmutating", "consuming", "borrowing", "nonisolated",
            "indirect", "isolated", "override",
        ]
        let familiar: Set<String> = ["=", "<", "+", "-", "hash", "encode", "makeIterator", "next"]
        let tokens = file.tokens
        return tokens.indices.compactMap { index in
            guard ["package", "public"].contains(tokens[index].text) else { return nil }
            var head = index + 1
            while head < tokens.count, modifiers.contains(tokens[head].text) { head += 1 }
            guard head + 1 < tokens.count, kinds.contains(tokens[head].text),
                !familiar.contains(tokens[head + 1].text), !hasDocComment(file, tokens[index].line)
            else { return nil }
            return Finding(
                path: file.path, line: tokens[index].line,
                message: "`\(tokens[head + 1].text)` has no doc comment")
        }
    }

    private static func hasDocComment(_ file: SourceFile, _ line: Int) -> Bool {
        var above = line - 1
        while above > 0, file.lines[above - 1].drop(while: { $0 == " " }).hasPrefix("@") {
            above -= 1
        }
        return file.comments[above].map { $0.hasPrefix("///") || $0.hasSuffix("*/") } ?? false
    }

    static func silentStart(_ file: SourceFile) -> [Finding] {
        let first = (file.imports.last?.line ?? 0) + 1
        guard !(1...(first + 15)).contains(where: { file.comments[$0] != nil }) else { return [] }
        return [Finding(path: file.path, line: first, message: "no word on what the file is")]
    }
}
