// The descendants of this process, found by the parent field of /proc/PID/stat. As subreaper, init
// stays the ancestor of every process that the command left behind, however it forked.
//
// Between a look into /proc and a signal a pid can come to mean another process. Where the kernel
// has pidfds (5.3), the process is pinned first and looked at again; older kernels leave a window
// of microseconds, and only for processes whose parent is not init.

#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process {
    pid_t pid;
    pid_t parent;
    unsigned long long start;
    char state;
    bool descendant;
};

struct table {
    struct process *rows;
    size_t count;
    size_t capacity;
};

static bool read_process(pid_t pid, struct process *process) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_small_file(AT_FDCWD, path, text, sizeof text) < 0) return false;
    // The name stands in parentheses and may hold any byte, parentheses included.
    char *rest = strrchr(text, ')');
    int parent;
    if (!rest) return false;
    process->pid = pid;
    process->descendant = false;
    if (sscanf(rest + 1,
               " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &process->state, &parent, &process->start) != 3) {
        return false;
    }
    process->parent = parent;
    return true;
}

unsigned long long process_start_ticks(pid_t pid) {
    struct process process;
    return read_process(pid, &process) ? process.start : 0;
}

static bool append(struct table *table, const struct process *process) {
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 256;
        struct process *rows = realloc(table->rows, capacity * sizeof *rows);
        if (!rows) return false;
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++] = *process;
    return true;
}

static int by_pid(const void *left, const void *right) {
    pid_t a = ((const struct process *)left)->pid, b = ((const struct process *)right)->pid;
    return (a > b) - (a < b);
}

static bool parent_is_ours(const struct table *table, const struct process *process) {
    if (process->parent == getpid()) return true;
    struct process key = {.pid = process->parent};
    const struct process *parent =
        bsearch(&key, table->rows, table->count, sizeof key, by_pid);
    return parent && parent->descendant;
}

// Fills the table with all processes and marks the live descendants of this one.
static void scan(struct table *table) {
    table->count = 0;
    DIR *listing = opendir("/proc");
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        struct process process;
        if (!read_process((pid_t)atoi(entry->d_name), &process)) continue;
        if (!append(table, &process)) break;
    }
    if (listing) closedir(listing);
    if (table->count == 0) return;
    qsort(table->rows, table->count, sizeof *table->rows, by_pid);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t index = 0; index < table->count; index++) {
            struct process *process = &table->rows[index];
            if (process->descendant || !parent_is_ours(table, process)) continue;
            process->descendant = changed = true;
        }
    }
    for (size_t index = 0; index < table->count; index++) {
        char state = table->rows[index].state;
        if (state == 'Z' || state == 'X') table->rows[index].descendant = false;
    }
}

static int open_pidfd(pid_t pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

// Signals the process that was seen, not another one that got its pid since.
static bool signal_process(const struct process *seen, int signal) {
    int pidfd = open_pidfd(seen->pid);
    if (pidfd < 0 && errno == ESRCH) return false;
    struct process now;
    bool same = read_process(seen->pid, &now) && now.start == seen->start;
    bool sent = false;
    if (same && pidfd >= 0) {
#ifdef SYS_pidfd_send_signal
        sent = syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
#endif
    } else if (same) {
        sent = kill(seen->pid, signal) == 0;
    }
    if (pidfd >= 0) close(pidfd);
    return sent;
}

static int signal_marked(const struct table *table, int signal) {
    int count = 0;
    for (size_t index = 0; index < table->count; index++) {
        const struct process *process = &table->rows[index];
        if (process->descendant && signal_process(process, signal)) count++;
    }
    return count;
}

int tree_signal(int signal) {
    struct table table = {0};
    scan(&table);
    int count = signal_marked(&table, signal);
    free(table.rows);
    return count;
}

static bool contains(const struct table *table, const struct process *process) {
    for (size_t index = 0; index < table->count; index++) {
        const struct process *row = &table->rows[index];
        if (row->pid == process->pid && row->start == process->start) return true;
    }
    return false;
}

int tree_kill(void) {
    // What is stopped cannot fork; each round finds only what was forked during the one before.
    struct table stopped = {0}, table = {0};
    for (int round = 0; round < 64; round++) {
        size_t before = stopped.count;
        scan(&table);
        for (size_t index = 0; index < table.count; index++) {
            const struct process *process = &table.rows[index];
            if (!process->descendant || contains(&stopped, process)) continue;
            signal_process(process, SIGSTOP);
            if (!append(&stopped, process)) break;
        }
        if (stopped.count == before) break;
    }
    int count = 0;
    for (size_t index = 0; index < stopped.count; index++) {
        if (signal_process(&stopped.rows[index], SIGKILL)) count++;
    }
    free(stopped.rows);
    free(table.rows);
    return count;
}

int tree_list(pid_t *pids, int capacity) {
    struct table table = {0};
    scan(&table);
    int count = 0;
    for (size_t index = 0; index < table.count && count < capacity; index++) {
        if (table.rows[index].descendant) pids[count++] = table.rows[index].pid;
    }
    free(table.rows);
    return count;
}
