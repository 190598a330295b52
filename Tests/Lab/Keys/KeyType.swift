/// A type of key that `ssh-keygen` makes.
package enum KeyType: String, Sendable, Hashable, CaseIterable {
    case ed25519, ecdsa, rsa
}
