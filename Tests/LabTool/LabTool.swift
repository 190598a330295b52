import Glibc
import Lab

/// The lab for benchmarks, `make demo` and people: servers that run until standard input ends or
/// somebody ends them, and leave no process behind.
@main
struct LabTool {
    static let usage = """
        usage: lab sshd --address ADDRESS --dir DIR [--port N] [--option 'KEYWORD VALUE']…
                        [--alias NAME]…
                   An sshd for the present account. DIR/ssh_config, for `ssh -F`, knows it under
                   each alias (`lab` unless given). Keys that are in DIR are used again.
               lab host --address ADDRESS [--alias NAME] [--shell PATH]
                        [--option 'KEYWORD VALUE']… [--delay 25ms] [--rate 100mbit]
                   For root: an account of its own with an sshd and a link in front of it, which
                   takes the commands of `lab relay`. It prints the path of the `ssh_config`, and
                   `ready PORT` with the link's port.
               lab relay --listen ADDRESS:PORT --to ADDRESS:PORT [--delay 25ms] [--rate 100mbit]
                   A link to a server. It takes commands on standard input, one a line, and
                   answers each with a line: freeze, thaw, cut both|up|down [swallow] [refuse],
                   restore, reset, delay TIME [up|down], rate RATE|off [up|down],
                   cutoff BYTES up|down [close|reset|silence], cutoff off, count

        All print `ready PORT` when they serve; port 0 is a free one.
        """

    static func main() {
        // A client that goes away is normal.
        signal(SIGPIPE, SIG_IGN)
        do {
            let ending = try Ending()
            var arguments = Arguments(CommandLine.arguments.dropFirst())
            switch arguments.takeCommand() {
            case "sshd": try ServerCommand(&arguments).run(until: ending)
            case "host": try HostCommand(&arguments).run(until: ending)
            case "relay": try RelayCommand(&arguments).run(until: ending)
            case "--help", "help":
                print(usage)
            case let name:
                throw UsageError(name.map { "unknown command \($0)" } ?? "no command")
            }
        } catch let error as UsageError {
            fail("error: \(error.message)\n\nhint: lab --help\n", 2)
        } catch {
            fail("error: \(error)\n", 1)
        }
    }

    /// Prints a line at once, also into a pipe.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func fail(_ text: String, _ code: Int32) -> Never {
        _ = write(2, text, text.utf8.count)
        exit(code)
    }
}
