internal import ContentStore
internal import Wire

/// Every bound of a transfer. One transfer holds in memory, beside what its stream holds: the
/// directories that are missing, up to ``structureBytes``; a few dozen bytes for each file that may
/// be; and of content two frames at the sender (one with the stream, one read ahead) and
/// ``framesInHand`` and one more at the receiver.
enum TransferLimits {
    /// Objects up to this size travel packed, several to a frame; larger ones in parts.
    static let packedObject = 256 << 10
    /// Frames that the receiver works on at once.
    static let framesInHand = 3
    /// Trees of the guess that rides with an offer: what an unchanged tree costs at most.
    static let guess = 256
    /// Directory and metadata objects of one transfer, in bytes.
    static let structureBytes = 256 << 20
    /// One such object.
    static let structureObject = ObjectStore.treeObjectLimit
    /// Files and directories of one tree.
    static let entries: Int64 = 1 << 28
    /// Files of one transfer: as many as a bitmap speaks of.
    static let files = WireLimits.bitmap
    /// Trees that an inventory remembers as whole.
    static let rememberedTrees = 32_768
    /// Objects that were cut in the middle and are kept to go on with.
    static let partialObjects = 8
}
