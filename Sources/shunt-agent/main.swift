internal import AgentService
internal import Glibc

// The program is ``AgentMain``, so that tests can link it.
exit(AgentMain.run(CommandLine.arguments))
