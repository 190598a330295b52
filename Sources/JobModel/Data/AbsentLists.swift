/// Lists of what was added to a record later are empty in what an earlier release wrote. The
/// decoders that the compiler makes call these.
extension KeyedDecodingContainer {
    func decode(_ type: [Dataset].Type, forKey key: Key) throws -> [Dataset] {
        try decodeIfPresent(type, forKey: key) ?? []
    }

    func decode(_ type: [DataMount].Type, forKey key: Key) throws -> [DataMount] {
        try decodeIfPresent(type, forKey: key) ?? []
    }

    func decode(_ type: [DataLabel].Type, forKey key: Key) throws -> [DataLabel] {
        try decodeIfPresent(type, forKey: key) ?? []
    }

    func decode(_ type: [PlacedMount].Type, forKey key: Key) throws -> [PlacedMount] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}
