internal import ArgumentParser
internal import Glibc
internal import JobModel

/// The program: reads its command line, runs the command, and ends with a documented code.
@main
enum ShuntMain {
    static func main() async {
        StandardDescriptors.ensureOpen()
        // A reader that goes away is an error of the write, not the end of the program.
        signal(SIGPIPE, SIG_IGN)
        let code = await run()
        // Without the handlers of libraries: a thread that still takes leave of a server would have
        // OpenSSL pulled from under it. All that we print is written when it is printed.
        _exit(code)
    }

    private static func run() async -> Int32 {
        let arguments: [String]
        do throws(ShuntError) {
            arguments = try RawArguments.decode(RawArguments.ofProcess())
        } catch {
            ErrorText.print(error)
            return CommandLine.arguments.dropFirst().first == "run" ? ExitCodes.ours : 2
        }
        return await CommandRunner.run(arguments)
    }
}

/// The descriptors 0 to 2, which every program may take for granted and not every parent gives.
enum StandardDescriptors {
    /// Opens those that are closed: a socket or a file of ours would else become standard output.
    /// They are opened for reading, so that writing fails as it would have.
    static func ensureOpen() {
        var descriptor: Int32
        repeat {
            descriptor = open("/dev/null", O_RDONLY)
        } while descriptor >= 0 && descriptor <= 2
        if descriptor > 2 { _ = close(descriptor) }
    }
}

/// The words of the command line as they were given, raw bytes.
enum RawArguments {
    static func ofProcess() -> [[UInt8]] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map {
                Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
            }
        }
    }

    /// - Throws: `usage` for a word that is not UTF-8: Swift would replace what it cannot read, and
    ///   another command would run than the one that was typed.
    static func decode(_ words: [[UInt8]]) throws(ShuntError) -> [String] {
        var result: [String] = []
        for (index, word) in words.enumerated() {
            guard let text = String(validating: word, as: UTF8.self) else {
                throw ShuntError(
                    .usage,
                    "argument \(index + 1) is not valid UTF-8: `\(Quoting.visible(path: word))`; "
                        + "a script in the directory may hold it",
                    hint: "shunt run -- sh job.sh")
            }
            result.append(text)
        }
        return result
    }
}

/// Runs one command line and turns every way to fail into an exit code and a message.
enum CommandRunner {
    static func run(_ arguments: [String]) async -> Int32 {
        let isRun = arguments.first == "run"
        do {
            var command = try ShuntCommand.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let exit as ProgramExit {
            return exit.code
        } catch let error as ShuntError {
            ErrorText.print(error)
            return isRun ? ExitCodes.ours : error.code.exitCode
        } catch {
            return report(error, arguments, isRun: isRun)
        }
    }

    /// What the argument parser threw: a request for help, or a mistake.
    private static func report(_ error: any Error, _ arguments: [String], isRun: Bool) -> Int32 {
        if ShuntCommand.exitCode(for: error) == .success {
            do {
                try StandardStream.printData(ShuntCommand.fullMessage(for: error) + "\n")
                return 0
            } catch {
                // Help that nobody reads is no failure.
                return 0
            }
        }
        let command = UsageErrorText.command(in: arguments)
        let mistake = UsageErrorText.error(
            message: ShuntCommand.message(for: error), command: command,
            next: arguments.dropFirst(command.count).first)
        ErrorText.print(mistake)
        return isRun ? ExitCodes.ours : mistake.code.exitCode
    }
}
