import Foundation

/// A value of JSON that is read by keys and indices; what is absent is `null`.
enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case list([JSON])
    case object([String: JSON])

    init(parsing data: Data) throws {
        self = try JSONDecoder().decode(JSON.self, from: data)
    }

    subscript(key: String) -> JSON {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    subscript(index: Int) -> JSON {
        if case .list(let items) = self, items.indices.contains(index) {
            items[index]
        } else {
            .null
        }
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var int: Int? { if case .number(let value) = self { Int(value) } else { nil } }
    var items: [JSON] { if case .list(let value) = self { value } else { [] } }
    var keys: Set<String> { if case .object(let value) = self { Set(value.keys) } else { [] } }
}

extension JSON: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
            // A failed attempt says only that the value has another type: the next one is tried.
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
            // Likewise.
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
            // Likewise.
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
            // Likewise.
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }
}
