// shunt-init: the parent and subreaper of one task's command. Depends on libc alone, never
// upgraded under a task, links statically.
//
//   main.c     the loop and its phases
//   launch.c   reads TASKDIR/launch
//   child.c    the side of the fork that becomes the command
//   secrets.c  what the command's environment gets from memory-backed files
//   mounts.c   data that lies on the machine, read-only under the working directory
//   tree.c     finding and ending every descendant through /proc
//   cgroup.c   a cgroup of the task's own, where one may be made
//   limits.c   what the tree may use of memory and processors, where that can be enforced
//   processes.c  one process for each rank of a gang, as the command of a task
//   record.c   the small text files that supervisor and agent read
//
// In a container it is the entrypoint, and PID 1 of a namespace of its own: what it says of
// processes is what they are called there, and its end is the end of all of them.
//
// Every file of a task's directory is described in Supervision/TaskDirectory.swift.
#pragma once

#define _GNU_SOURCE 1

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

// Exit statuses of init itself; the command's own status stands in the exit record only.
enum init_status {
    INIT_DONE = 0,
    INIT_USAGE = 64,
    // The task's directory cannot be used at all.
    INIT_BROKEN = 74,
    // Another init holds the lock, or one that lived before has left its records.
    INIT_TAKEN = 75,
};

// ---- launch.c

struct launch {
    char **argv;
    char **env;
    // `env` also holds what init was started with.
    bool inherits;
    const char *workdir;
    // Absolute, and the names of files in it that become variables; NULL where there are none.
    const char *secrets_directory;
    char **secrets;
    // 0 … 0777; what init itself was started with does not reach the command.
    mode_t umask;
    // Names the cgroup: 1…64 of A-Z a-z 0-9 . _ -
    const char *name;
    bool may_use_cgroup;
    // Kills a cgroup's members as before Linux 5.14, which had no `cgroup.kill`.
    bool kill_members;
    // Bytes and thousandths of a CPU; 0 where there is no limit.
    int64_t memory_limit, cpu_limit;
    // What is left when the command has ended gets SIGTERM, this long, SIGKILL.
    int64_t leftover_grace_ms;
    // Pairs of source and target, both absolute.
    char **mounts;
    size_t mount_count;
    // Set where the file cannot be used: why, for people.
    const char *problem;
    // Owns all of the above strings.
    char *storage;
};

// Returns 0, or an errno with `problem` set.
int launch_read(int directory, struct launch *launch);

// ---- child.c

enum step {
    STEP_NONE = 0,
    STEP_LAUNCH_FILE,
    STEP_SETUP,
    STEP_FORK,
    STEP_WORKDIR,
    STEP_SECRETS,
    STEP_EXEC,
    STEP_MOUNT,
};

// What the child says through a CLOEXEC pipe when it did not become the command.
struct child_failure {
    int32_t step;
    int32_t error;
    // Of STEP_MOUNT: which one, or the number of them where no view of its own could be made.
    uint32_t mount;
};

struct child {
    pid_t pid;
    // One byte opens the barrier; end of file ends the child.
    int barrier;
    // End of file without a byte: the command was executed.
    int status;
    bool in_cgroup;
};

// Forks the child, which waits at the barrier in a session of its own. With a `cgroup` (else -1)
// it is born there if the kernel can (5.7); `child->in_cgroup` says whether.
// Returns 0 or an errno, with the step that failed.
int child_fork(int directory, const struct launch *launch, int cgroup, struct child *child,
               int *step);
// Closes every descriptor from `first` on.
void close_from(unsigned first);

// ---- processes.c

// Runs the command `count` times, as this process; returns its exit status.
int processes_run(const char *count, char **command);

// ---- secrets.c

// Reads the secrets and returns the environment with them, or NULL with errno. To be called in the
// child alone: init itself never holds one.
char **secrets_environment(const struct launch *launch);

// ---- mounts.c

// Gives this process a view of the file system in which each source is also at its target, and
// cannot be written to there. Root needs nothing for it; another account a user namespace, in which
// it stays who it is. Returns 0 or an errno, with the number of mounts that were made.
int mounts_enter(char *const *mounts, size_t count, size_t *made);
// What `shunt-init --can-mount` says: exit status 0 where this account can.
int mounts_try(void);

// ---- cgroup.c

struct cgroup {
    // -1 where there is none.
    int directory;
    int parent;
    bool kill_members;
    char path[4096];
    char leaf[80];
};

// Makes an empty cgroup: of v2, or with a controller in its hierarchy of v1. False where this
// account may not, or there is no such hierarchy.
bool cgroup_create(struct cgroup *group, const char *controller, const char *name);
// Writes one of its files. False where that is not there, or refuses the value.
bool cgroup_write(const struct cgroup *group, const char *name, const char *text);
// Moves a process into it. False where this account may not.
bool cgroup_move(const struct cgroup *group, pid_t pid);
// Whether a process lives in it or below.
bool cgroup_populated(const struct cgroup *group);
// Signals every process in it and below; returns how many.
int cgroup_signal(const struct cgroup *group, int signal);
// SIGKILL for all, at once where the kernel can (5.14), else frozen first.
void cgroup_kill(const struct cgroup *group);
// True once it is gone.
bool cgroup_remove(struct cgroup *group);

// ---- limits.c

struct limits {
    // In the hierarchies of v1; a directory of -1 where none was needed or may be made.
    struct cgroup memory, cpu;
    // Where the memory limit stands, or NULL where none is enforced.
    const struct cgroup *memory_holder;
    bool cpu_enforced;
};

// Sets the limits of `launch` on the task's cgroup of v2, or else on ones of v1.
void limits_create(struct limits *limits, const struct launch *launch, struct cgroup *group);
// Takes a process in, which is in `group` already. What it cannot be taken into enforces nothing.
void limits_move(struct limits *limits, pid_t pid);
// How many processes were killed for using too much memory.
int limits_oom_kills(const struct limits *limits);
// True once nothing of them is left.
bool limits_remove(struct limits *limits);

// ---- tree.c

// Signals every descendant of this process once, those in `skip` excepted; returns how many.
int tree_signal(int signal);
// Stops every descendant until no new one appears, then kills them; returns how many.
int tree_kill(void);
// Pids of up to `capacity` live descendants.
int tree_list(pid_t *pids, int capacity);
// Field 22 of /proc/PID/stat, or 0.
unsigned long long process_start_ticks(pid_t pid);

// ---- record.c

struct record {
    char text[4096];
    size_t length;
};

void record_begin(struct record *record, const char *kind);
void record_add(struct record *record, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Writes NAME.tmp and renames it. `durable` syncs the file before and the directory after.
// Returns 0 or an errno.
int record_write(int directory, struct record *record, const char *name, bool durable);
// Allocates NAME.tmp while there is space, so that a full disk cannot swallow the record.
void record_reserve(int directory, const char *name);
bool record_exists(int directory, const char *name);

int64_t now_wall_ms(void);
// CLOCK_BOOTTIME: runs through suspend.
int64_t now_boot_ms(void);
void read_boot_id(char id[40]);
// Reads at most `capacity` - 1 bytes of a small file and ends them with NUL; -1 with errno.
ssize_t read_small_file(int directory, const char *path, char *buffer, size_t capacity);
