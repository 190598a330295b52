internal import JobModel

/// Ways in which a peer breaks the protocol of a transfer, as the errors that end it.
enum TransferFault {
    static let compression = broken("a compressed body does not have the size that it claims")
    static let unasked = broken("an object came that nobody asked for")
    static let incomplete = broken("the objects ended before all had come")
    static let wrongDigest = broken("an object came whose bytes are not the ones that it names")
    static let outOfOrder = broken("the parts of an object are not in order")
    static let unannounced = broken("a directory came into the tree that was not announced")
    static let bitmapLength = broken("an answer speaks of another number of things than were asked")
    static let otherTree = broken("another tree was offered than was asked for")
    static let sizes = broken("one file has two sizes in the tree")

    static func unexpected(_ what: String) -> ShuntError {
        broken("`\(what)` has no place at this point of a transfer")
    }

    static func tooLarge(_ what: String, limit: Int) -> ShuntError {
        ShuntError(
            .refused,
            "the tree has \(what) over the limit of \(limit); archives of many small files help",
            hint: "du --inodes -d1 . | sort -n | tail")
    }

    private static func broken(_ message: String) -> ShuntError {
        ShuntError(
            .failed, "the transfer was ended: " + message,
            hint: "shunt worker ls")
    }
}
