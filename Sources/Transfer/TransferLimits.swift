internal import ContentStore
internal import Wire

/// Every bound of a transfer. What is held in memory for one at a time is at most
/// ``structureBytes`` for directories, and for content ``framesAhead`` frames at the sender and
/// ``framesInHand`` at the receiver beside what the stream itself holds.
package enum TransferLimits {
    /// Objects up to this size travel packed, several to a frame; larger ones in parts.
    static let packedObject = 256 << 10
    /// Frames that the sender has read before the stream has taken the last one.
    static let framesAhead = 2
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
    /// Objects of one pull of a list that are kept in memory, in bytes.
    package static let listedBytes = 256 << 20
}
