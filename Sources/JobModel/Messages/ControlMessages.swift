/// What a coordinator says to an agent on a control stream after the handshake. Every one is safe
/// to repeat.
package enum CoordinatorMessage: Hashable, Sendable {
    case start(StartOrder)
    /// Asks which other tasks of its gang a task that is staged can reach; answered by `reach`.
    case reach(ReachQuestion)
    /// Lets a task of a gang go on that waits at `staged`: all of them are.
    case go(StartToken, Rendezvous)
    /// Ends the task for another reason than a person's wish; else as `cancel`.
    case stop(StartToken, StopOrder)
    /// Ends the task: TERM and its grace period, or at once. For a token that the agent does not
    /// know it is a revocation, and the answer is a report with `revoked`.
    case cancel(StartToken, immediately: Bool)
    /// Sends a signal to the command's process group. `sequence` grows with each signal of a task;
    /// one that was already delivered is not delivered again.
    case signal(StartToken, number: Int32, sequence: UInt64)
    /// The terminal report is durable here; the agent may collect the task's directory.
    case acknowledge(StartToken)
    /// A push of this tree into the agent's store has ended, completely or not.
    case contentPushed(TreeReference, failure: String?)
    /// The task's secrets are where the agent keeps them, or cannot be had.
    case secretsHanded(StartToken, failure: String?)
    case ping(UInt64)
}

extension CoordinatorMessage {
    /// The task that the message is about; `nil` where it is about none.
    package var token: StartToken? {
        switch self {
        case .start(let order): order.token
        case .reach(let question): question.token
        case .go(let token, _), .stop(let token, _), .cancel(let token, _),
            .signal(let token, _, _), .acknowledge(let token), .secretsHanded(let token, _):
            token
        case .contentPushed, .ping: nil
        }
    }
}

/// What an agent says to a coordinator on a control stream after the handshake.
package enum AgentMessage: Hashable, Sendable {
    case report(TaskReport)
    /// The task's tree is not complete in the agent's store.
    case needContent(StartToken, TreeReference)
    /// The task's secrets are not in the agent's memory.
    case needSecrets(StartToken)
    case reach(ReachAnswer)
    case pong(UInt64)
    /// What tasks of other coordinators hold on the machine, each time it changes. `version` grows
    /// within a session; a lower one is old news.
    case foreignUse(Resources, version: UInt64)
    /// What can be run on the machine, where that is no more what ``Welcome`` said.
    case programs(WorkerPrograms)
}

/// All that an agent needs to run a task.
package struct StartOrder: Hashable, Sendable, Codable {
    package var token: StartToken
    package var spec: JobSpec
    package var tree: TreeReference
    package var git: GitState?
    package var nodeCount: Int
    /// Whether the task stops at `staged` until `Go`; a single node does not.
    package var waitsForGo: Bool
    /// What the task needs beside ``tree``: an image that is shipped.
    package var extraTrees: [TreeReference]
    /// What the name of the image stood for in an earlier attempt.
    package var image: PinnedImage?
    /// The spec's mounts, with where their data lies on this worker.
    package var mounts: [PlacedMount]

    package init(
        token: StartToken, spec: JobSpec, tree: TreeReference, git: GitState? = nil,
        nodeCount: Int = 1, waitsForGo: Bool = false, extraTrees: [TreeReference] = [],
        image: PinnedImage? = nil, mounts: [PlacedMount] = []
    ) {
        self.token = token
        self.spec = spec
        self.tree = tree
        self.git = git
        self.nodeCount = nodeCount
        self.waitsForGo = waitsForGo
        self.extraTrees = extraTrees
        self.image = image
        self.mounts = mounts
    }

    /// All that the worker's store has to hold.
    package var trees: [TreeReference] { [tree] + extraTrees }

    enum CodingKeys: String, CodingKey {
        case token
        case spec
        case tree
        case git
        case nodeCount = "node_count"
        case waitsForGo = "waits_for_go"
        case extraTrees = "extra_trees"
        case image
        case mounts
    }
}

/// The first frame of a coordinator on any stream.
package struct Hello: Hashable, Sendable {
    package var coordinator: CoordinatorID
    package var fence: Fence
    package var role: Role
    /// The release of the speaker, for people.
    package var release: String

    package init(coordinator: CoordinatorID, fence: Fence, role: Role, release: String) {
        self.coordinator = coordinator
        self.fence = fence
        self.role = role
        self.release = release
    }

    /// What a coordinator opens the stream for.
    package enum Role: String, Sendable, CaseIterable {
        /// Control messages, one such stream for a coordinator.
        case control
        /// Requests for content and logs, answered in order; any number of streams.
        case bulk
    }
}

/// The answer to a control `Hello` whose fence is not a stale one.
package struct Welcome: Hashable, Sendable {
    package var agent: AgentID
    package var incarnation: MachineIncarnation
    package var capacity: Resources
    /// In use by every coordinator that this agent serves; what changes later is told with
    /// ``AgentMessage/foreignUse(_:version:)``.
    package var inUse: Resources
    package var platform: Platform
    package var release: String
    /// Every task of this coordinator that the agent knows: after the fence became durable, a
    /// token that is not among them never ran and never will.
    package var reports: [TaskReport]
    /// What can run containers there; empty where nothing can.
    package var engines: [ContainerEngine]
    /// What can build environments there; `nil` from an agent of an earlier release.
    package var tools: BuildTools?

    package init(
        agent: AgentID, incarnation: MachineIncarnation, capacity: Resources, inUse: Resources,
        platform: Platform, release: String, reports: [TaskReport],
        engines: [ContainerEngine] = [], tools: BuildTools? = nil
    ) {
        self.agent = agent
        self.incarnation = incarnation
        self.capacity = capacity
        self.inUse = inUse
        self.platform = platform
        self.release = release
        self.reports = reports
        self.engines = engines
        self.tools = tools
    }
}

/// What kind of machine a worker is.
package struct Platform: Hashable, Sendable, Codable {
    /// As `uname -s` says, lower case: `linux`.
    package var system: String
    /// `x86_64` or `aarch64`.
    package var architecture: String
    /// As `uname -r` says.
    package var kernel: String
    package var hostName: String

    package init(system: String, architecture: String, kernel: String, hostName: String) {
        self.system = system
        self.architecture = architecture
        self.kernel = kernel
        self.hostName = hostName
    }

    enum CodingKeys: String, CodingKey {
        case system
        case architecture
        case kernel
        case hostName = "host_name"
    }
}
