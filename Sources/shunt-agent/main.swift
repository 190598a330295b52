internal import AgentService
internal import Glibc

exit(AgentMain.run(CommandLine.arguments))
