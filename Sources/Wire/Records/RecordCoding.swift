package import JobModel

/// The bytes under which an agent's journal keeps what it has to say again after a restart. They
/// are the messages of the protocol: equal values have equal bytes, and a newer release reads what
/// an older one wrote. An older one that meets something newer throws instead of guessing.
package enum RecordCoding {
    package static func encode(_ record: AgentRecord) -> [UInt8] { record.wireBytes }
    package static func encode(_ order: StartOrder) -> [UInt8] { order.wireBytes }
    package static func encode(_ report: TaskReport) -> [UInt8] { report.wireBytes }
    package static func encode(_ result: TaskResult) -> [UInt8] { result.wireBytes }
    package static func encode(_ process: TaskProcess) -> [UInt8] { process.wireBytes }

    /// - Throws: ``WireError`` for bytes that are no such value.
    package static func decode(
        _ type: AgentRecord.Type, from bytes: [UInt8]
    ) throws(WireError) -> AgentRecord {
        try AgentRecord(wireBytes: bytes)
    }

    /// - Throws: ``WireError`` for bytes that are no such value.
    package static func decode(
        _ type: StartOrder.Type, from bytes: [UInt8]
    ) throws(WireError) -> StartOrder {
        try StartOrder(wireBytes: bytes)
    }

    /// - Throws: ``WireError`` for bytes that are no such value.
    package static func decode(
        _ type: TaskReport.Type, from bytes: [UInt8]
    ) throws(WireError) -> TaskReport {
        try TaskReport(wireBytes: bytes)
    }

    /// - Throws: ``WireError`` for bytes that are no such value.
    package static func decode(
        _ type: TaskResult.Type, from bytes: [UInt8]
    ) throws(WireError) -> TaskResult {
        try TaskResult(wireBytes: bytes)
    }

    /// - Throws: ``WireError`` for bytes that are no such value.
    package static func decode(
        _ type: TaskProcess.Type, from bytes: [UInt8]
    ) throws(WireError) -> TaskProcess {
        try TaskProcess(wireBytes: bytes)
    }
}
