import Foundation

/// JSON as people and scripts see it, with its keys sorted.
enum JSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(
        _ text: String, as type: Value.Type = Value.self
    ) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    static func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
        try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(value))
    }

    /// The keys of the object that a value is in JSON.
    static func keys(_ value: some Encodable) throws -> [String] {
        let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value))
        return ((object as? [String: Any])?.keys).map { $0.sorted() } ?? []
    }

    /// The same JSON with one value in it, wherever it stands, replaced or left out.
    static func damaged(_ text: String, _ random: inout SeededRandom) throws -> Data {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let changed = damage(object, &random)
        return try JSONSerialization.data(withJSONObject: changed, options: .fragmentsAllowed)
    }

    private static func damage(_ value: Any, _ random: inout SeededRandom) -> Any {
        if var object = value as? [String: Any], !object.isEmpty, !random.chance(10) {
            let key = random.pick(object.keys.sorted())
            if random.chance(8) {
                object[key] = nil
            } else {
                object[key] = object[key].map { damage($0, &random) }
            }
            return object
        }
        if var list = value as? [Any], !list.isEmpty, !random.chance(10) {
            let index = random.below(list.count)
            list[index] = damage(list[index], &random)
            return list
        }
        return random.pick(junk)
    }

    private static var junk: [Any] {
        [
            NSNull(), true, 0, -1, 1, 65, 256, Int64.max, Int64.min, UInt64.max, 1e300, 0.5, "",
            "any", "-", "7f3k2a", "unheard_of", "\u{0}", [] as [Any], [1, "a"] as [Any],
            [:] as [String: Any], ["shell": 1, "kind": "exited"] as [String: Any],
        ]
    }
}
