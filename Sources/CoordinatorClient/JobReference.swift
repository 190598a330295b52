package import JobModel

/// What a person types to mean a job: an ID, a unique prefix of one, or a name.
package struct JobReference: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// - Throws: ``ShuntError`` with `notFound` for a text that no job can be called.
    package init(_ text: String) throws(ShuntError) {
        guard NameGrammar.accepts(text) else {
            throw ShuntError(.notFound, "there is no job `\(text)`", hint: "shunt ps -a")
        }
        self.text = text
    }

    package init(_ id: JobID) { text = id.text }

    package var description: String { text }

    /// Names and IDs consist of unreserved characters (RFC 3986, 2.3), so nothing is encoded.
    var path: String { APIPath.jobs + "/" + text }
}
