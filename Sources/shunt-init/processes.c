// shunt-init --processes COUNT COMMAND…: starts the command COUNT times, one process for each
// rank of a gang, and ends when all have ended.
//
// It runs as the command of a task, below init, which sees it as any other. The first process that
// fails ends the others; its exit code is the command's. Signals for the task reach the processes
// by their common process group, so this one only has to outlive them.

#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// From SIGTERM to SIGKILL for those that go on when one has failed.
enum { FAILED_GRACE_S = 3, MOST_PROCESSES = 1024 };

static volatile sig_atomic_t time_is_up;

static void on_alarm(int number) {
    (void)number;
    time_is_up = 1;
}

static long number_of(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

static void set_number(const char *name, long value) {
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    setenv(name, text, 1);
}

static _Noreturn void become(long local, long count, char **command) {
    long node = number_of("NODE_RANK", 0), nodes = number_of("NNODES", 1);
    set_number("LOCAL_RANK", local);
    set_number("LOCAL_WORLD_SIZE", count);
    set_number("RANK", node * count + local);
    set_number("WORLD_SIZE", nodes * count);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    execvp(command[0], command);
    int code = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
    fprintf(stderr, "shunt: the command `%s` cannot be started: %s\n", command[0], strerror(errno));
    _exit(code);
}

static int code_of(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int processes_run(const char *count_text, char **command) {
    char *end;
    long count = strtol(count_text, &end, 10);
    if (*end || count < 1 || count > MOST_PROCESSES || !command[0]) return INIT_USAGE;
    static pid_t children[MOST_PROCESSES];
    long alive = 0;
    int failure = 0;
    // What ends the task ends the processes; their end is what this one tells of.
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    for (long local = 0; local < count && !failure; local++) {
        pid_t child = fork();
        if (child == 0) become(local, count, command);
        if (child < 0) {
            fprintf(stderr, "shunt: process %ld of %ld cannot be started: %s\n", local, count,
                    strerror(errno));
            failure = 125;
        } else {
            children[local] = child;
            alive++;
        }
    }
    // Interrupts `wait`, so that SA_RESTART must be off.
    struct sigaction alarmed = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &alarmed, NULL);
    bool ending = false;
    while (alive > 0) {
        if (failure && !ending) {
            ending = true;
            for (long local = 0; local < count; local++) {
                if (children[local]) kill(children[local], SIGTERM);
            }
            alarm(FAILED_GRACE_S);
        }
        int status;
        pid_t ended = wait(&status);
        if (ended < 0) {
            if (errno != EINTR) break;
            if (!time_is_up) continue;
            for (long local = 0; local < count; local++) {
                if (children[local]) kill(children[local], SIGKILL);
            }
            continue;
        }
        for (long local = 0; local < count; local++) {
            if (children[local] != ended) continue;
            children[local] = 0;
            alive--;
            if (!failure && code_of(status) != 0) {
                failure = code_of(status);
                if (count == 1) continue;
                fprintf(stderr, "shunt: local rank %ld ended with %d\n", local, failure);
            }
        }
    }
    return failure;
}
