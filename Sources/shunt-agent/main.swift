internal import AgentService
internal import Glibc

exit(await AgentMain.run(CommandLine.arguments))
