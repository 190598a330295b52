package import JobModel

/// What goes over a bulk stream, in either direction, bodies included.
///
/// **Requests** are answered in the order in which they were sent, each by one message, or by
/// ``failure(_:)``; several may be on their way.
///
/// **A transfer** takes the stream for itself until it ends. The sender (who asked with `push`, or
/// was asked with `pull`) holds the tree; the receiver wants it:
///
/// | sender | receiver |
/// |---|---|
/// | `offer` of a tree and a guess of trees below it | `complete`, if all of it is there |
/// | | else `bitmap` over the tree and the guess |
/// | `queryTrees`, until what is missing is known | `bitmap` for each |
/// | `objects`, `part`: directories, metadata; `end` | `wanted`, over the files in them |
/// | `objects`, `part`: the missing files; `end` | `complete`, once all is durable |
///
/// A tree here is a directory with its metadata and all below. A bitmap over trees has two bits for
/// each: whether anything of it is missing, and whether its directory object is; of a tree that is
/// not whole, the metadata object is always sent. The files that `wanted` speaks of are those in
/// the directories of all trees that are not whole, walked in breadth from the root, each file
/// where it is met first.
///
/// The receiver checks every digest, decodes every directory before it believes it, and takes
/// nothing that it did not ask for. Either side may say `failure` instead of what is due, which
/// ends the transfer and the stream. A stream that was cut is taken up by a new transfer of the
/// same tree: files that came whole are no longer missing, and `wanted` says how much of a large
/// one came.
///
/// `pull` of a list has no offer: its objects come at once, in the order of the list, then `end`.
package enum BulkMessage: Hashable, Sendable {
    /// Answers a request, or ends a transfer.
    case failure(ShuntError)

    case readLog(ReadLog)
    /// Asks where the last so many lines of these streams start.
    case tailLog(StartToken, lines: UInt32, streams: Set<LogStream>)
    /// Asks whether an environment is there already, or can be had.
    case checkEnvironment(SoftwareEnvironment)
    case environments(EnvironmentRequest)
    /// Hands over what the agent asked for with ``AgentMessage/needSecrets(_:)``.
    case secrets(StartToken, [Secret])
    /// Asks what lies at a path, see ``Dataset/isPath(_:)``.
    case examineData(path: String)
    case queryFiles([Digest])
    case queryTrees([TreeReference])
    case push
    case pull(PullScope, compressed: Bool)

    case logPage(LogPage)
    case logOffset(LogOffset)
    case environmentState(EnvironmentAvailability)
    case environmentList([EnvironmentView])
    case secretsKept
    case dataFingerprint(DataFingerprint)
    case bitmap(MissingBitmap)

    case offer(TreeReference, guess: [TreeReference])
    case objects(ObjectBatch)
    case part(ObjectPart)
    case end
    case complete(unchanged: Bool)
    case wanted(MissingBitmap, partials: [PartialObject])
}

/// How much of an object a receiver has kept.
package struct PartialObject: Hashable, Sendable {
    package var digest: Digest
    /// Bytes, from the object's start.
    package var offset: Int64

    package init(digest: Digest, offset: Int64) {
        self.digest = digest
        self.offset = offset
    }
}

/// Asks for a page of a task's log.
package struct ReadLog: Hashable, Sendable {
    package var token: StartToken
    package var offset: UInt64
    /// 1 byte … 1 MiB.
    package var maximumBytes: Int
    /// How long to wait where there is nothing at `offset` yet; at most ``WireLimits/logWait``.
    package var wait: Milliseconds
    /// How many pages may follow the first one unasked, while there is as much: 0 … 7. A link of
    /// long round trips is kept busy by them.
    package var furtherPages: Int

    package init(
        token: StartToken, offset: UInt64, maximumBytes: Int, wait: Milliseconds,
        furtherPages: Int = 0
    ) {
        self.token = token
        self.offset = offset
        self.maximumBytes = maximumBytes
        self.wait = wait
        self.furtherPages = furtherPages
    }
}

/// Bytes of a task's log.
package struct LogPage: Hashable, Sendable {
    /// At most 1 MiB; empty where nothing came in time.
    package var bytes: [UInt8]
    /// Where to read on.
    package var nextOffset: UInt64
    /// Nothing follows, now or later.
    package var isComplete: Bool
    /// Another page of the same answer follows.
    package var hasMore: Bool

    package init(
        bytes: [UInt8], nextOffset: UInt64, isComplete: Bool, hasMore: Bool = false
    ) {
        self.bytes = bytes
        self.nextOffset = nextOffset
        self.isComplete = isComplete
        self.hasMore = hasMore
    }
}

/// Which objects are asked for.
package enum PullScope: Hashable, Sendable {
    case tree(TreeReference)
    /// At most ``WireLimits/digestsPerBody``.
    case listed([Digest])
}

/// Whole objects that travel in one frame.
package struct ObjectBatch: Hashable, Sendable {
    /// At most ``WireLimits/objectsPerFrame``; their bytes stand one after the other in the body.
    package var items: [Item]
    package var body: EncodedBody

    package init(items: [Item], body: EncodedBody) {
        self.items = items
        self.body = body
    }

    /// One object of the frame, in the order of their bytes.
    package struct Item: Hashable, Sendable {
        package var digest: Digest
        /// Bytes; at most a body's.
        package var size: Int

        package init(digest: Digest, size: Int) {
            self.digest = digest
            self.size = size
        }
    }
}

/// A piece of an object that is larger than a frame.
package struct ObjectPart: Hashable, Sendable {
    package var digest: Digest
    /// Of the whole object, in bytes.
    package var objectSize: Int64
    package var offset: Int64
    /// Of this piece, in bytes; at most a body's.
    package var size: Int
    package var body: EncodedBody

    package init(
        digest: Digest, objectSize: Int64, offset: Int64, size: Int, body: EncodedBody
    ) {
        self.digest = digest
        self.objectSize = objectSize
        self.offset = offset
        self.size = size
        self.body = body
    }
}

/// Bytes as they stand in a frame.
package struct EncodedBody: Hashable, Sendable {
    package var bytes: [UInt8]
    package var compression: Compression

    package init(bytes: [UInt8], compression: Compression = .none) {
        self.bytes = bytes
        self.compression = compression
    }

    /// What was done to the body as a whole.
    package enum Compression: Hashable, Sendable, CaseIterable {
        case none
        /// One zstd frame that states its content size.
        case zstd
    }
}
