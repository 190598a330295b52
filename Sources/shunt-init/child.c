// The side of the fork that becomes the command. It waits at the barrier in a session of its own,
// holding nothing of init but two pipes: should init die, the barrier's end of file ends it.

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The descriptors of the child between fork and exec; all above are closed.
enum { BARRIER = 3, STATUS = 4, FIRST_UNUSED = 5 };

void close_from(unsigned first) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
    // Before Linux 5.9. Init itself holds few and low descriptors, but may have inherited more.
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > 65536) limit = 65536;
    for (long descriptor = first; descriptor < limit; descriptor++) close((int)descriptor);
}

static void reset_signals(void) {
    // By the kernel's call, since glibc hides two signals, and a `posix_spawn` in somebody's past
    // may have left them ignored. All zero is SIG_DFL without flags on every architecture.
    static const unsigned char standard[256];
    for (int number = 1; number < NSIG; number++) {
        syscall(SYS_rt_sigaction, number, standard, NULL, 8);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void tell(struct child_failure failure) {
    ssize_t written;
    do {
        written = write(STATUS, &failure, sizeof failure);
    } while (written < 0 && errno == EINTR);
    _exit(127);
}

static _Noreturn void fail(enum step step, int error) {
    tell((struct child_failure){.step = step, .error = error});
}

// Whether a file that the kernel cannot execute is a script without `#!`, which a shell runs:
// its first line holds no NUL and it is no ELF file (of another machine, or damaged), as bash
// decides it.
static bool looks_like_script(const char *path) {
    char start[128];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t count = read(file, start, sizeof start);
    close(file);
    if (count < 0) return false;
    size_t length = (size_t)count;
    if (length >= 4 && !memcmp(start, "\177ELF", 4)) return false;
    const char *newline = memchr(start, '\n', length);
    if (newline) length = (size_t)(newline - start);
    return memchr(start, 0, length) == NULL;
}

// Returns the errno of a failed execution of one path.
static int execute_path(const char *path, char **argv, char **env) {
    execve(path, argv, env);
    if (errno != ENOEXEC || !looks_like_script(path)) return errno;
    size_t count = 0;
    while (argv[count]) count++;
    char **words = calloc(count + 3, sizeof(char *));
    if (!words) return ENOMEM;
    static char shell[] = "/bin/sh";
    words[0] = shell;
    words[1] = (char *)path;
    if (count > 1) memcpy(words + 2, argv + 1, (count - 1) * sizeof(char *));
    execve(shell, words, env);
    return ENOEXEC;
}

static const char *path_variable(char **env) {
    for (; *env; env++) {
        if (!strncmp(*env, "PATH=", 5)) return *env + 5;
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

// execvpe looks along the caller's PATH; the one that counts is the task's.
static int execute(char **argv, char **env) {
    const char *name = argv[0];
    if (!*name) return ENOENT;
    if (strchr(name, '/')) return execute_path(name, argv, env);
    int result = ENOENT;
    char path[4096];
    for (const char *entry = path_variable(env);;) {
        size_t length = strcspn(entry, ":");
        // An empty entry is the working directory.
        int written = snprintf(
            path, sizeof path, "%.*s/%s", length ? (int)length : 1, length ? entry : ".", name);
        if (written > 0 && (size_t)written < sizeof path) {
            int error = execute_path(path, argv, env);
            switch (error) {
            case ENOENT: case ENOTDIR: case ENAMETOOLONG: case ELOOP: break;
            case EACCES: result = EACCES; break;
            default: return error;
            }
        }
        if (!entry[length]) return result;
        entry += length + 1;
    }
}

static _Noreturn void become_command(int directory, const struct launch *launch) {
    setsid();
    reset_signals();
    int input = open("/dev/null", O_RDONLY);
    // Init holds each FIFO open read-write, so opening for writing neither blocks nor fails, and
    // a reader that is gone costs the command nothing.
    int output = openat(directory, "stdout.fifo", O_WRONLY);
    int errors = openat(directory, "stderr.fifo", O_WRONLY);
    if (input < 0 || output < 0 || errors < 0) fail(STEP_SETUP, errno);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) fail(STEP_SETUP, errno);
    close_from(FIRST_UNUSED);
    char go;
    ssize_t count;
    do {
        count = read(BARRIER, &go, 1);
    } while (count < 0 && errno == EINTR);
    if (count != 1) _exit(127);
    close(BARRIER);
    umask(launch->umask);
    size_t made;
    int error = mounts_enter(launch->mounts, launch->mount_count, &made);
    if (error) {
        tell((struct child_failure){.step = STEP_MOUNT, .error = error, .mount = (uint32_t)made});
    }
    if (chdir(launch->workdir) < 0) fail(STEP_WORKDIR, errno);
    char **env = launch->secrets_directory ? secrets_environment(launch) : launch->env;
    if (!env) fail(STEP_SECRETS, errno);
    fail(STEP_EXEC, execute(launch->argv, env));
}

// Moves both pipes to the numbers the child knows, whatever numbers they have now.
static void place_pipes(int barrier, int status) {
    int high_barrier = fcntl(barrier, F_DUPFD_CLOEXEC, 16);
    int high_status = fcntl(status, F_DUPFD_CLOEXEC, 16);
    if (high_barrier < 0 || high_status < 0) _exit(127);
    if (dup3(high_barrier, BARRIER, O_CLOEXEC) < 0 || dup3(high_status, STATUS, O_CLOEXEC) < 0) {
        _exit(127);
    }
}

// The head of the kernel's `struct clone_args`; its size is its version.
struct clone_into {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

enum { CLONE_INTO_CGROUP_HIGH = 2 };

// Forks into a cgroup. Moving a process there later stalls for a grace period of RCU, some 10 ms;
// being born there does not. The raw call is a fork for a program with one thread.
static pid_t fork_into(int cgroup) {
#ifdef SYS_clone3
    struct clone_into arguments = {
        .flags = (uint64_t)CLONE_INTO_CGROUP_HIGH << 32,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)cgroup,
    };
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
#else
    (void)cgroup;
    return -1;
#endif
}

int child_fork(int directory, const struct launch *launch, int cgroup, struct child *child,
               int *step) {
    int barrier[2], status[2];
    *step = STEP_SETUP;
    if (pipe2(barrier, O_CLOEXEC) < 0) return errno;
    if (pipe2(status, O_CLOEXEC | O_NONBLOCK) < 0) return errno;
    // Only init's ends stay out of the way of the numbers that the child uses.
    int high_directory = fcntl(directory, F_DUPFD_CLOEXEC, 16);
    if (high_directory < 0) return errno;
    *step = STEP_FORK;
    pid_t pid = cgroup < 0 ? -1 : fork_into(cgroup);
    bool in_cgroup = pid >= 0;
    if (pid < 0) pid = fork();
    if (pid < 0) return errno;
    if (pid == 0) {
        place_pipes(barrier[0], status[1]);
        become_command(high_directory, launch);
    }
    close(high_directory);
    close(barrier[0]);
    close(status[1]);
    *child = (struct child){
        .pid = pid, .barrier = barrier[1], .status = status[0], .in_cgroup = in_cgroup};
    *step = STEP_NONE;
    return 0;
}
