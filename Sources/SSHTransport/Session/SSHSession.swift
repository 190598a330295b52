internal import ByteStream
internal import CLibSSH
internal import CLinux
internal import Glibc
internal import Synchronization

/// A session of libssh: one thread makes it, uses it and frees it.
///
/// libssh closes the socket itself when the peer ends the connection, and leaves it open
/// otherwise; ``free()`` closes what is left. All calls are non-blocking: they are repeated after
/// ``waitForPeer(_:)``.
final class SSHSession {
    let raw: ssh_session
    /// Counts what has arrived: whatever a call took from the socket is seen here.
    private let counter: UnsafeMutablePointer<ssh_counter_struct>
    /// The socket's number, which libssh keeps for itself until it is told to connect.
    let assignedDescriptor: Int32
    private var hasConnected = false
    private var event: ssh_event?
    /// ``SSHLimits/window`` bytes, of which only those take memory that are used.
    let scratch: UnsafeMutableRawPointer

    /// Takes over the connected, non-blocking socket.
    ///
    /// - Throws: ``SSHError`` where libssh is out of memory.
    init(
        _ descriptor: consuming OwnedDescriptor, _ configuration: SSHConfiguration,
        hostKeyAlgorithms: [String]
    ) throws(SSHError) {
        Self.prepareLibrary
        guard let session = ssh_new() else { throw Self.outOfMemory }
        raw = session
        assignedDescriptor = descriptor.release()
        counter = .allocate(capacity: 1)
        counter.initialize(to: ssh_counter_struct())
        scratch = .allocate(byteCount: SSHLimits.window, alignment: 16)
        ssh_set_blocking(raw, 0)
        ssh_set_counters(raw, counter, nil)
        var off = false
        ssh_options_set(raw, SSH_OPTIONS_PROCESS_CONFIG, &off)
        var level = Int32(SSH_LOG_NONE)
        ssh_options_set(raw, SSH_OPTIONS_LOG_VERBOSITY, &level)
        set(SSH_OPTIONS_HOST, configuration.hostKeyAlias ?? configuration.hostName)
        set(SSH_OPTIONS_USER, configuration.user)
        var port = UInt32(configuration.hostKeyAlias == nil ? configuration.port : 22)
        ssh_options_set(raw, SSH_OPTIONS_PORT, &port)
        set(SSH_OPTIONS_COMPRESSION, "no")
        set(SSH_OPTIONS_CIPHERS_C_S, Self.ciphers)
        set(SSH_OPTIONS_CIPHERS_S_C, Self.ciphers)
        // Of the names those remain that libssh knows; with none, its own order stands.
        set(SSH_OPTIONS_HOSTKEYS, hostKeyAlgorithms.joined(separator: ","))
        var socket = assignedDescriptor
        ssh_options_set(raw, SSH_OPTIONS_FD, &socket)
    }

    // MARK: What it is like

    /// For `poll`; −1 before the first `ssh_connect`, and once libssh has closed it.
    var descriptor: Int32 { ssh_get_fd(raw) }

    /// Bytes that arrived so far.
    var received: UInt64 { counter.pointee.in_bytes }

    var isAlive: Bool {
        ssh_is_connected(raw) != 0 && ssh_get_status(raw) & (SSH_CLOSED | SSH_CLOSED_ERROR) == 0
    }

    /// Bytes stand in libssh that the socket did not take yet.
    var hasUnsent: Bool { ssh_get_status(raw) & SSH_WRITE_PENDING != 0 }

    /// What libssh, or the peer through it, said last.
    var lastWords: String {
        guard let text = ssh_get_error(UnsafeMutableRawPointer(raw)) else { return "" }
        return SSHError.printable(String(cString: text).utf8, limit: 300)
    }

    /// What the socket is to be watched for.
    var interest: Int32 {
        ssh_get_poll_flags(raw) & SSH_WRITE_PENDING != 0 ? POLLIN | POLLOUT : POLLIN
    }

    // MARK: Moving bytes

    /// Repeats `call` until it does something other than ask for more of the peer.
    ///
    /// - Returns: `nil` at the deadline.
    /// - Throws: ``SSHError/stopped``.
    func finish(_ patience: Patience, _ call: () -> Int32) throws(SSHError) -> Int32? {
        while true {
            let result = call()
            hardenSocket()
            guard result == SSH_AGAIN || result == SSH_AUTH_AGAIN.rawValue else { return result }
            guard isAlive else { return SSH_ERROR }
            switch patience.wait(for: descriptor, interest) {
            case .ready: continue
            case .stopped: throw .stopped
            case .timedOut: return nil
            }
        }
    }

    /// Has libssh take the socket and send our version.
    func begin() {
        hasConnected = true
        _ = ssh_connect(raw)
        hardenSocket()
    }

    /// libssh makes the socket blocking once it has it, and forgets to keep it out of children.
    func hardenSocket() {
        let socket = descriptor
        guard socket >= 0 else { return }
        // They fail only for a descriptor that is not open.
        let flags = fcntl(socket, F_GETFL)
        if flags & O_NONBLOCK == 0 { _ = fcntl(socket, F_SETFL, flags | O_NONBLOCK) }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    }

    /// Lets libssh take what stands in the socket, up to a bound that leaves others their turn.
    func takeInput() {
        if event == nil { makeEvent() }
        guard let event else { return }
        var rounds = 0
        while rounds < 128, isAlive {
            guard ssh_event_dopoll(event, 0) == SSH_OK else { return }
            rounds += 1
        }
    }

    private func makeEvent() {
        guard let new = ssh_event_new() else { return }
        ssh_event_add_session(new, raw)
        event = new
    }

    // MARK: Its end

    /// Says goodbye and closes the socket. What stands unsent goes first, as far as `patience`
    /// lets it.
    func disconnect(_ patience: Patience) {
        while isAlive, hasUnsent, case .ready = patience.wait(for: descriptor, POLLOUT | POLLIN) {
            takeInput()
        }
        if let event {
            ssh_event_remove_session(event, raw)
            ssh_event_free(event)
        }
        let socket = hasConnected ? descriptor : assignedDescriptor
        if hasConnected, socket >= 0 { ssh_set_fd_towrite(raw) }
        ssh_disconnect(raw)
        if socket >= 0 { _ = Glibc.close(socket) }
        ssh_free(raw)
        counter.deallocate()
        scratch.deallocate()
    }

    private func set(_ option: ssh_options_e, _ value: String) {
        // What it does not take stays as it was; the host's name is for messages only.
        _ = value.withCString { ssh_options_set(raw, option, $0) }
    }

    // MARK: The library

    /// Once in a process.
    private static let prepareLibrary: Void = {
        _ = ssh_init()
        _ = ssh_set_log_level(0)
    }()

    static var outOfMemory: SSHError { SSHError(.lost, "libssh is out of memory", hint: "free -m") }

    /// AES first where the CPU has instructions for it; without, ChaCha20 is several times faster.
    private static let ciphers: String = {
        let gcm = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]
        let chacha = ["chacha20-poly1305@openssh.com"]
        let rest = ["aes128-ctr", "aes192-ctr", "aes256-ctr"]
        return ((hasAES ? gcm + chacha : chacha + gcm) + rest).joined(separator: ",")
    }()

    private static var hasAES: Bool {
        // Unreadable, it says nothing: the order is a matter of speed alone.
        guard let text = try? BoundedFile.read("/proc/cpuinfo") else { return false }
        let lines = text.split(separator: UInt8(ascii: "\n"))
        // `flags` on x86, `Features` on Arm.
        return lines.contains { line in
            (line.starts(with: "flags".utf8) || line.starts(with: "Features".utf8))
                && line.split(separator: UInt8(ascii: " ")).contains {
                    $0.elementsEqual("aes".utf8)
                }
        }
    }
}
