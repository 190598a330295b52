import Glibc
import Lab
import Testing

/// Ports on which there is no SSH server.
@Suite struct ImpostorTests {
    private static let address = "127.0.1.7"

    @Test func aClosedPortRefuses() throws {
        let impostor = try Impostor(.closed, address: Self.address)
        #expect(throws: Peer.Failure(code: ECONNREFUSED)) {
            try Peer(connectingTo: impostor.endpoint)
        }
    }

    @Test func aFilteredPortDoesNotAnswer() throws {
        let impostor = try Impostor(.filtered, address: Self.address)
        #expect(throws: Peer.Failure(code: ETIMEDOUT)) {
            try Peer(connectingTo: impostor.endpoint, within: 300)
        }
    }

    @Test func aSilentPortAcceptsAndSaysNothing() throws {
        let impostor = try Impostor(.silent, address: Self.address)
        let client = try Peer(connectingTo: impostor.endpoint)
        try client.send([1])
        #expect(!client.hasSomething(within: 100))
    }

    @Test func aWebServerAnswersInItsOwnWords() throws {
        let impostor = try Impostor(.http, address: Self.address)
        defer { impostor.stop() }
        let client = try Peer(connectingTo: impostor.endpoint)
        try client.send(Array("SSH-2.0-client\r\n".utf8))
        let answer = String(decoding: try client.receiveAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    }

    @Test func aServerCanHangUpAfterItsBanner() throws {
        let impostor = try Impostor(.banner, address: Self.address)
        defer { impostor.stop() }
        let client = try Peer(connectingTo: impostor.endpoint)
        try client.send(Array("SSH-2.0-client\r\n".utf8))
        #expect(try client.receiveAll() == Array("SSH-2.0-Impostor_1.0\r\n".utf8))
    }

    @Test func aServerCanStayAfterWhatItSaid() throws {
        let impostor = try Impostor(.sendsAndStays([1, 2]), address: Self.address)
        defer { impostor.stop() }
        let client = try Peer(connectingTo: impostor.endpoint)
        #expect(try client.receive(2) == [1, 2])
        #expect(!client.hasSomething(within: 100))
    }

    @Test func aFloodDoesNotEnd() throws {
        let impostor = try Impostor(.floods(Array("hello\r\n".utf8)), address: Self.address)
        defer { impostor.stop() }
        let client = try Peer(connectingTo: impostor.endpoint)
        #expect(try client.receive(1_000_000).count == 1_000_000)
    }
}
