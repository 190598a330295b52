internal import JobModel
internal import Logging
internal import Transfer

/// Handing over the secrets of tasks: each time that an agent asks, and never in a message that
/// anybody writes down.
extension WorkerLink {
    func handSecrets(_ names: [String], of token: StartToken, from clientKey: String) {
        start { [self] in
            let failure = await handed(names, of: token, from: clientKey)
            if failure == .interrupted {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
            await inbox.post(.event(.secretsHanded(name, token, failure: failure)))
        }
    }

    private func handed(
        _ names: [String], of token: StartToken, from clientKey: String
    ) async -> TransferFailure? {
        do {
            let values = try await secrets.secrets(names, for: clientKey)
            try await withBulk { try await $0.hand(values, to: token) }
            return nil
        } catch let error as ShuntError where error.code != .unreachable {
            return .impossible(error.message)
        } catch {
            logger.notice(
                "secrets could not be handed over",
                metadata: ["worker": "\(name)", "error": "\(error)"])
            return .interrupted
        }
    }
}
