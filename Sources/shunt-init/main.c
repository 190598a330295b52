// shunt-init TASKDIR: starts one command when told to, and says how it ended.
//
// Init holds an open-file-description lock on TASKDIR/init.lock for life: that lock, not a pid, is
// what says it lives. (An OFD lock can be asked about without being taken, which flock cannot; the
// child drops its copy before it reaches the barrier, so the lock frees with init.) It holds both
// output FIFOs open read-write until it is told `quit`, so that what the command wrote outlives
// any reader. Only control.fifo decides: every signal but SIGCHLD is blocked for good.
//
// What goes wrong before the command runs ends in an exit record that says so, never in silence.

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum phase {
    // The child waits; nothing of the command has run.
    PHASE_BARRIER,
    PHASE_RUNNING,
    // The command has ended and what it left behind has had its SIGTERM.
    PHASE_LEFTOVERS,
    PHASE_KILLING,
    // Nothing is left; the FIFOs are held for whoever drains them.
    PHASE_DONE,
};

enum operation { OP_GO = 1, OP_SIGNAL, OP_STOP, OP_KILL, OP_QUIT };

// One write to control.fifo. Repeating one changes nothing but a signal.
struct control {
    uint8_t magic[3];
    uint8_t operation;
    // A signal number for OP_SIGNAL and OP_STOP.
    int32_t argument;
};

// Survivors of SIGKILL are named after this long: the kernel holds them.
enum { UNKILLABLE_AFTER_MS = 5000, RETRY_MS = 1000 };

struct state {
    int directory;
    int control;
    int signals;
    struct launch launch;
    struct child child;
    struct cgroup group;
    struct limits limits;
    enum phase phase;
    // The command's own process has been reaped, or there never was one.
    bool main_ended;
    // OP_STOP or OP_KILL reached the command while it lived.
    bool stopped;
    bool quit;
    bool ready_due;
    bool running_due;
    bool exit_due;
    bool tree_due;
    bool survivors_due;
    struct record ready_record;
    struct record running_record;
    struct record exit_record;
    struct child_failure failure;
    int wait_status;
    struct rusage usage;
    int64_t start_wall_ms, start_boot_ms;
    int64_t deadline_ms, killing_since_ms, pause_ms;
    int leftovers;
};

static void compose_times(struct state *state, struct record *record) {
    record_add(record, "start_wall_ms", "%lld", (long long)state->start_wall_ms);
    record_add(record, "start_boot_ms", "%lld", (long long)state->start_boot_ms);
    record_add(record, "end_wall_ms", "%lld", (long long)now_wall_ms());
    record_add(record, "end_boot_ms", "%lld", (long long)now_boot_ms());
    const struct timeval *user = &state->usage.ru_utime, *system = &state->usage.ru_stime;
    record_add(record, "user_us", "%lld", (long long)user->tv_sec * 1000000 + user->tv_usec);
    record_add(record, "system_us", "%lld", (long long)system->tv_sec * 1000000 + system->tv_usec);
    record_add(record, "oom_kills", "%d", limits_oom_kills(&state->limits));
    record_add(record, "maxrss_bytes", "%lld", (long long)state->usage.ru_maxrss * 1024);
    char boot[40];
    read_boot_id(boot);
    record_add(record, "boot_id", "%s", boot);
}

static const char *step_name(int step) {
    switch (step) {
    case STEP_LAUNCH_FILE: return "launch";
    case STEP_FORK: return "fork";
    case STEP_WORKDIR: return "workdir";
    case STEP_SECRETS: return "secrets";
    case STEP_EXEC: return "exec";
    case STEP_MOUNT: return "mount";
    default: return "setup";
    }
}

// The exit record of a command that was never executed.
static void compose_failure(struct state *state, int step, int error, const char *detail) {
    struct record *record = &state->exit_record;
    record_begin(record, "exit");
    record_add(record, "kind", "exec-failed");
    int code = step != STEP_EXEC ? 125 : error == ENOENT || error == ENOTDIR ? 127 : 126;
    record_add(record, "code", "%d", code);
    record_add(record, "step", "%s", step_name(step));
    record_add(record, "errno", "%d", error);
    record_add(record, "detail", "%s", detail ? detail : strerror(error));
    record_add(record, "stopped", "%d", state->stopped);
    compose_times(state, record);
    state->exit_due = true;
}

// With what could not be mounted, since a task may have several.
static void compose_mount_failure(struct state *state, const struct child_failure *failure) {
    char detail[1024];
    const char *why = strerror(failure->error);
    if (failure->mount < state->launch.mount_count) {
        snprintf(detail, sizeof detail, "`%.800s`: %s",
                 state->launch.mounts[2 * failure->mount], why);
    } else {
        snprintf(detail, sizeof detail, "no view of its own: %s", why);
    }
    compose_failure(state, STEP_MOUNT, failure->error, detail);
}

static void compose_exit(struct state *state) {
    struct record *record = &state->exit_record;
    int status = state->wait_status;
    bool signalled = WIFSIGNALED(status);
    record_begin(record, "exit");
    if (state->start_boot_ms == 0) {
        record_add(record, "kind", "never-ran");
        record_add(record, "code", "125");
    } else {
        record_add(record, "kind", signalled ? "signalled" : "exited");
        record_add(record, "code", "%d",
                   signalled ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
        if (signalled) record_add(record, "signal", "%d", WTERMSIG(status));
        if (signalled) record_add(record, "core", "%d", WCOREDUMP(status) ? 1 : 0);
    }
    record_add(record, "stopped", "%d", state->stopped);
    compose_times(state, record);
    state->exit_due = true;
}

static const char *kill_method(const struct state *state) {
    if (getpid() == 1) return "namespace";
    return state->group.path[0] ? "cgroup" : "sweep";
}

// Writes what is due. What cannot be written (a full disk, past what was reserved) stays due and
// is tried again each second; init does not finish without it.
static void write_due(struct state *state) {
    if (state->ready_due
        && record_write(state->directory, &state->ready_record, "init.ready", false) == 0) {
        state->ready_due = false;
    }
    if (state->running_due
        && record_write(state->directory, &state->running_record, "running", false) == 0) {
        state->running_due = false;
    }
    if (state->exit_due
        && record_write(state->directory, &state->exit_record, "exit", true) == 0) {
        state->exit_due = false;
    }
    if (state->tree_due) {
        struct record record;
        record_begin(&record, "tree");
        record_add(&record, "method", "%s", kill_method(state));
        record_add(&record, "leftovers", "%d", state->leftovers);
        if (record_write(state->directory, &record, "tree", false) == 0) state->tree_due = false;
    }
}

// Learns whether the command was executed, once the child has said so or is gone.
static void read_child_status(struct state *state) {
    if (state->child.status < 0) return;
    struct child_failure failure;
    ssize_t count = read(state->child.status, &failure, sizeof failure);
    if (count < 0) return;
    close(state->child.status);
    state->child.status = -1;
    if (count == sizeof failure) {
        state->failure = failure;
        return;
    }
    if (state->phase == PHASE_BARRIER || state->main_ended) return;
    struct record *record = &state->running_record;
    record_begin(record, "running");
    record_add(record, "main_pid", "%d", (int)state->child.pid);
    record_add(record, "start_wall_ms", "%lld", (long long)state->start_wall_ms);
    record_add(record, "start_boot_ms", "%lld", (long long)state->start_boot_ms);
    state->running_due = true;
}

static void begin_killing(struct state *state) {
    if (state->phase >= PHASE_KILLING) return;
    state->phase = PHASE_KILLING;
    state->killing_since_ms = now_boot_ms();
    state->pause_ms = 2;
    state->deadline_ms = 0;
    state->survivors_due = true;
}

// Reaps all that is dead. Returns false when this process has no child left.
static bool reap(struct state *state) {
    for (;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) return false;
        if (pid == 0) return true;
        if (state->main_ended || pid != state->child.pid) continue;
        state->wait_status = status;
        state->usage = usage;
        read_child_status(state);
        state->main_ended = true;
        if (state->failure.step == STEP_MOUNT) {
            compose_mount_failure(state, &state->failure);
        } else if (state->failure.step != STEP_NONE) {
            compose_failure(state, state->failure.step, state->failure.error, NULL);
        } else {
            compose_exit(state);
        }
    }
}

static void name_survivors(struct state *state, int64_t now) {
    if (!state->survivors_due || now - state->killing_since_ms < UNKILLABLE_AFTER_MS) return;
    pid_t pids[16];
    int count = tree_list(pids, 16);
    struct record record;
    record_begin(&record, "survivors");
    for (int index = 0; index < count; index++) {
        record_add(&record, "pid", "%d", (int)pids[index]);
    }
    state->survivors_due =
        record_write(state->directory, &record, "survivors", false) != 0;
}

static bool remove_groups(struct state *state) {
    bool limits = limits_remove(&state->limits);
    return cgroup_remove(&state->group) && limits;
}

static bool has_groups(const struct state *state) {
    return state->group.directory >= 0 || state->limits.memory.directory >= 0
        || state->limits.cpu.directory >= 0;
}

// Moves on through the phases that end the tree.
static void advance(struct state *state, bool has_children) {
    bool empty = !has_children && !cgroup_populated(&state->group);
    int64_t now = now_boot_ms();
    if (state->phase <= PHASE_RUNNING && state->main_ended) {
        if (!empty) {
            // As in a cancel. The freshly orphaned are told once, all of them.
            int told = cgroup_signal(&state->group, SIGTERM);
            state->leftovers = told ? told : tree_signal(SIGTERM);
            if (told) cgroup_signal(&state->group, SIGCONT); else tree_signal(SIGCONT);
        }
        state->phase = PHASE_LEFTOVERS;
        state->deadline_ms = now + state->launch.leftover_grace_ms;
    }
    if (state->phase == PHASE_LEFTOVERS && !empty && now >= state->deadline_ms) {
        begin_killing(state);
    }
    if (state->phase == PHASE_KILLING && !empty && now >= state->deadline_ms) {
        cgroup_kill(&state->group);
        int killed = tree_kill();
        if (state->main_ended && killed > state->leftovers) state->leftovers = killed;
        state->deadline_ms = now + state->pause_ms;
        state->pause_ms = state->pause_ms < RETRY_MS / 2 ? state->pause_ms * 2 : RETRY_MS;
        name_survivors(state, now);
    }
    bool ending = state->phase == PHASE_LEFTOVERS || state->phase == PHASE_KILLING;
    if (ending && empty && state->main_ended && !state->exit_due) {
        // A cgroup whose last member has just died can be busy for a moment: it is tried again
        // until it goes, and never holds up the end.
        remove_groups(state);
        state->phase = PHASE_DONE;
        state->tree_due = true;
    }
    if (state->phase == PHASE_DONE) remove_groups(state);
}

// A signal to the process group that the command leads, as a terminal would send it.
static void signal_command(struct state *state, int signal, bool stop) {
    if (state->phase != PHASE_RUNNING || state->main_ended) return;
    if (signal < 1 || signal >= NSIG) return;
    if (stop) state->stopped = true;
    kill(-state->child.pid, signal);
    // A stopped process would not see the signal until continued.
    if (stop) kill(-state->child.pid, SIGCONT);
}

static void open_barrier(struct state *state) {
    // Whoever says `go` has read init.ready.
    if (state->phase != PHASE_BARRIER || state->main_ended || state->ready_due) return;
    state->start_wall_ms = now_wall_ms();
    state->start_boot_ms = now_boot_ms();
    state->phase = PHASE_RUNNING;
    char go = 1;
    ssize_t written;
    do {
        written = write(state->child.barrier, &go, 1);
    } while (written < 0 && errno == EINTR);
    close(state->child.barrier);
    state->child.barrier = -1;
}

static void obey(struct state *state, const struct control *control) {
    switch (control->operation) {
    case OP_GO:
        open_barrier(state);
        break;
    case OP_SIGNAL:
        signal_command(state, control->argument, false);
        break;
    case OP_STOP:
        signal_command(state, control->argument, true);
        break;
    case OP_KILL:
        if (!state->main_ended) state->stopped = true;
        begin_killing(state);
        break;
    case OP_QUIT:
        // Before the end of the tree it would throw away what is still in the FIFOs.
        if (state->phase == PHASE_DONE) state->quit = true;
        break;
    default:
        break;
    }
}

static void read_control(struct state *state) {
    struct control control;
    for (;;) {
        // A write of this size is never torn, so a read gives whole commands.
        ssize_t count = read(state->control, &control, sizeof control);
        if (count < 0 && errno == EINTR) continue;
        if (count != sizeof control) return;
        if (!memcmp(control.magic, "SC\x01", 3)) obey(state, &control);
    }
}

static int poll_timeout(const struct state *state) {
    bool due = state->ready_due || state->running_due || state->exit_due || state->tree_due;
    int64_t timeout = due || (state->phase == PHASE_DONE && has_groups(state))
        ? RETRY_MS : -1;
    if (state->phase == PHASE_LEFTOVERS || state->phase == PHASE_KILLING) {
        int64_t left = state->deadline_ms - now_boot_ms();
        // In a cgroup, members that are nobody's child of ours die without a SIGCHLD.
        if (left > 20 && state->group.directory >= 0) left = 20;
        if (left < 0) left = 0;
        if (timeout < 0 || left < timeout) timeout = left;
    }
    return timeout > INT_MAX ? INT_MAX : (int)timeout;
}

static void loop(struct state *state) {
    for (;;) {
        bool has_children = reap(state);
        write_due(state);
        advance(state, has_children);
        write_due(state);
        if (state->phase == PHASE_DONE && state->quit && !state->tree_due) return;
        struct pollfd sources[3] = {
            {.fd = state->signals, .events = POLLIN},
            {.fd = state->control, .events = POLLIN},
            {.fd = state->child.status, .events = POLLIN},
        };
        if (poll(sources, 3, poll_timeout(state)) < 0) continue;
        struct signalfd_siginfo information;
        if (sources[0].revents) {
            while (read(state->signals, &information, sizeof information) > 0) continue;
        }
        if (sources[1].revents) read_control(state);
        if (sources[2].revents) read_child_status(state);
    }
}

// Standard descriptors exist, whatever init was started with; nothing else is inherited.
static void tidy_descriptors(void) {
    int null = open("/dev/null", O_RDWR);
    while (null >= 0 && null <= 2) null = dup(null);
    if (null > 2) close(null);
    close_from(3);
}

static int take_lock(int directory) {
    int lock = openat(directory, "init.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return INIT_BROKEN;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(lock, F_OFD_SETLK, &whole) < 0) return INIT_TAKEN;
    // Whoever held the lock before and left one of these has had this task's only chance to run.
    if (record_exists(directory, "init.ready") || record_exists(directory, "exit")
        || record_exists(directory, "ended")) {
        return INIT_TAKEN;
    }
    return INIT_DONE;
}

static int open_fifo(int directory, const char *name, int capacity) {
    if (mkfifoat(directory, name, 0600) < 0 && errno != EEXIST) return -1;
    int fifo = openat(directory, name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    // Best effort: accounts have a limit on pipe memory, and a smaller pipe is only slower.
    if (fifo >= 0 && capacity) fcntl(fifo, F_SETPIPE_SZ, capacity);
    return fifo;
}

static const char *enforcement(bool enforced) { return enforced ? "enforced" : "unenforced"; }

static void compose_limits(const struct state *state, struct record *record) {
    const struct limits *limits = &state->limits;
    if (limits->memory.directory >= 0) {
        record_add(record, "memory_cgroup", "%s", limits->memory.path);
    }
    if (limits->cpu.directory >= 0) record_add(record, "cpu_cgroup", "%s", limits->cpu.path);
    if (state->launch.memory_limit) {
        record_add(record, "memory_limit", "%s", enforcement(limits->memory_holder != NULL));
    }
    if (state->launch.cpu_limit) {
        record_add(record, "cpu_limit", "%s", enforcement(limits->cpu_enforced));
    }
}

static void compose_ready(struct state *state) {
    struct record *record = &state->ready_record;
    char boot[40];
    read_boot_id(boot);
    record_begin(record, "ready");
    record_add(record, "pid", "%d", (int)getpid());
    record_add(record, "start_ticks", "%llu", process_start_ticks(getpid()));
    record_add(record, "main_pid", "%d", (int)state->child.pid);
    record_add(record, "boot_id", "%s", boot);
    // As PID 1 it is called otherwise outside, where the supervisor finds out how.
    if (getpid() == 1) record_add(record, "namespace", "1");
    record_add(record, "kill", "%s", kill_method(state));
    if (state->group.path[0]) record_add(record, "cgroup", "%s", state->group.path);
    compose_limits(state, record);
    state->ready_due = true;
}

// Brings the child to its barrier, or composes the exit record of a command that cannot be.
static void prepare(struct state *state) {
    state->child = (struct child){.pid = -1, .barrier = -1, .status = -1};
    state->group.directory = state->group.parent = -1;
    state->limits.memory = state->limits.cpu = state->group;
    int step = STEP_LAUNCH_FILE;
    int error = launch_read(state->directory, &state->launch);
    if (!error && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
        step = STEP_SETUP;
        error = errno;
    }
    bool grouped = !error && state->launch.may_use_cgroup
        && cgroup_create(&state->group, NULL, state->launch.name);
    if (!error) limits_create(&state->limits, &state->launch, &state->group);
    if (!error) {
        error = child_fork(
            state->directory, &state->launch, state->group.directory, &state->child, &step);
    }
    state->group.kill_members = state->launch.kill_members;
    bool inside = grouped && !error
        && (state->child.in_cgroup || cgroup_move(&state->group, state->child.pid));
    if (!error) limits_move(&state->limits, state->child.pid);
    if (!inside) {
        if (state->limits.memory_holder == &state->group) state->limits.memory_holder = NULL;
        if (state->limits.cpu.directory < 0) state->limits.cpu_enforced = false;
        cgroup_remove(&state->group);
        state->group.path[0] = 0;
    }
    if (error) {
        compose_failure(state, step, error, state->launch.problem);
        state->main_ended = true;
        return;
    }
    compose_ready(state);
}

int main(int count, char **arguments) {
    static struct state state;
    if (count == 2 && !strcmp(arguments[1], "--can-mount")) return mounts_try();
    if (count > 3 && !strcmp(arguments[1], "--processes")) {
        return processes_run(arguments[2], arguments + 3);
    }
    if (count != 2) {
        static const char usage[] = "usage: shunt-init TASKDIR\n";
        ssize_t written = write(2, usage, sizeof usage - 1);
        return written < 0 ? INIT_BROKEN : INIT_USAGE;
    }
    sigset_t all, child_ended;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    tidy_descriptors();
    state.directory = open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state.directory < 0 || chdir("/") < 0) return INIT_BROKEN;
    int taken = take_lock(state.directory);
    if (taken != INIT_DONE) return taken;
    int output = open_fifo(state.directory, "stdout.fifo", 1 << 20);
    int errors = open_fifo(state.directory, "stderr.fifo", 1 << 18);
    state.control = open_fifo(state.directory, "control.fifo", 0);
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    // An ignored SIGCHLD would be inherited, and take the exit status with it.
    signal(SIGCHLD, SIG_DFL);
    state.signals = signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
    if (output < 0 || errors < 0 || state.control < 0 || state.signals < 0) return INIT_BROKEN;
    record_reserve(state.directory, "running");
    record_reserve(state.directory, "exit");
    record_reserve(state.directory, "tree");
    prepare(&state);
    loop(&state);
    // The last member may still be on its way out of the kernel.
    for (int round = 0; round < 20 && !remove_groups(&state); round++) poll(NULL, 0, 5);
    return INIT_DONE;
}
