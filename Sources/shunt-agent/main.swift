internal import AgentService
internal import Glibc

<<<<<<< HEAD
exit(await AgentMain.run(CommandLine.arguments))
=======
// `shunt-agent supervise DIRECTORY`: looks after one task until it has ended.
guard CommandLine.arguments.count == 3, CommandLine.arguments[1] == "supervise" else {
    let usage = "usage: shunt-agent supervise DIRECTORY\n"
    _ = write(2, usage, usage.utf8.count)
    exit(64)
}
exit(Supervisor.main(taskDirectory: CommandLine.arguments[2]))
>>>>>>> init
