package import JobModel

/// The bytes under which an agent's journal keeps what it has to say again after a restart. They
/// are the messages of the protocol: equal values have equal bytes, and a newer release reads what
/// an older one wrote.
package enum RecordCoding {
    package static func encode(_ order: StartOrder) -> [UInt8] { order.wireBytes }
    package static func encode(_ report: TaskReport) -> [UInt8] { report.wireBytes }
    package static func encode(_ result: TaskResult) -> [UInt8] { result.wireBytes }
    package static func encode(_ process: TaskProcess) -> [UInt8] { process.wireBytes }
    package static func encode(_ exit: ExitStatus) -> [UInt8] { exit.wireBytes }
    package static func encode(_ tree: TreeReference) -> [UInt8] { tree.wireBytes }
    package static func encode(_ token: StartToken) -> [UInt8] { token.wireBytes }
    package static func encode(_ fence: Fence) -> [UInt8] { fence.wireBytes }

    package static func decode(
        _ type: StartOrder.Type, from bytes: [UInt8]
    ) throws(WireError) -> StartOrder {
        try StartOrder(wireBytes: bytes)
    }

    package static func decode(
        _ type: TaskReport.Type, from bytes: [UInt8]
    ) throws(WireError) -> TaskReport {
        try TaskReport(wireBytes: bytes)
    }

    package static func decode(
        _ type: TaskResult.Type, from bytes: [UInt8]
    ) throws(WireError) -> TaskResult {
        try TaskResult(wireBytes: bytes)
    }

    package static func decode(
        _ type: TaskProcess.Type, from bytes: [UInt8]
    ) throws(WireError) -> TaskProcess {
        try TaskProcess(wireBytes: bytes)
    }

    package static func decode(
        _ type: ExitStatus.Type, from bytes: [UInt8]
    ) throws(WireError) -> ExitStatus {
        try ExitStatus(wireBytes: bytes)
    }

    package static func decode(
        _ type: TreeReference.Type, from bytes: [UInt8]
    ) throws(WireError) -> TreeReference {
        try TreeReference(wireBytes: bytes)
    }

    package static func decode(
        _ type: StartToken.Type, from bytes: [UInt8]
    ) throws(WireError) -> StartToken {
        try StartToken(wireBytes: bytes)
    }

    package static func decode(
        _ type: Fence.Type, from bytes: [UInt8]
    ) throws(WireError) -> Fence {
        try Fence(wireBytes: bytes)
    }
}
