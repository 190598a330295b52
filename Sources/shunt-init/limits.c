// Memory and CPU limits of the whole tree: on the task's own cgroup where v2 has the controllers,
// else in the hierarchies of v1, where root may. Elsewhere nothing is enforced, and init.ready says
// so. See cgroups(7), and the kernel's cgroup-v2 and cgroup-v1/memory documents.

#include "init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Microseconds, as the kernel has it by default.
enum { CPU_PERIOD = 100000 };

static bool write_number(const struct cgroup *group, const char *name, long long number) {
    char text[32];
    snprintf(text, sizeof text, "%lld\n", number);
    return cgroup_write(group, name, text);
}

// Has the cgroups below the one of init, of which the task's is one, counted and limited. Fails
// without harm where somebody else has to allow that.
static void enable_controllers(const struct cgroup *group) {
    const struct cgroup parent = {.directory = group->parent};
    cgroup_write(&parent, "cgroup.subtree_control", "+memory");
    cgroup_write(&parent, "cgroup.subtree_control", "+cpu");
}

static void limit_memory(struct limits *limits, const struct launch *launch,
                         struct cgroup *group) {
    if (write_number(group, "memory.max", launch->memory_limit)) {
        limits->memory_holder = group;
        // Swapping would only put it off. All of a job that is out of memory ends, not some of it.
        cgroup_write(group, "memory.swap.max", "0\n");
        cgroup_write(group, "memory.oom.group", "1\n");
        return;
    }
    if (!cgroup_create(&limits->memory, "memory", launch->name)) return;
    if (write_number(&limits->memory, "memory.limit_in_bytes", launch->memory_limit)) {
        limits->memory_holder = &limits->memory;
        // Absent in kernels that do not count swap.
        write_number(&limits->memory, "memory.memsw.limit_in_bytes", launch->memory_limit);
    }
}

static void limit_cpu(struct limits *limits, const struct launch *launch, struct cgroup *group) {
    // The smallest quota that the kernel takes is a thousandth of a second.
    long long quota = launch->cpu_limit * (CPU_PERIOD / 1000);
    if (quota < 1000) quota = 1000;
    char text[64];
    snprintf(text, sizeof text, "%lld %d\n", quota, CPU_PERIOD);
    limits->cpu_enforced = cgroup_write(group, "cpu.max", text);
    if (limits->cpu_enforced || !cgroup_create(&limits->cpu, "cpu", launch->name)) return;
    limits->cpu_enforced = write_number(&limits->cpu, "cpu.cfs_period_us", CPU_PERIOD)
        && write_number(&limits->cpu, "cpu.cfs_quota_us", quota);
}

void limits_create(struct limits *limits, const struct launch *launch, struct cgroup *group) {
    if (!launch->may_use_cgroup || (!launch->memory_limit && !launch->cpu_limit)) return;
    if (group->directory >= 0) enable_controllers(group);
    if (launch->memory_limit) limit_memory(limits, launch, group);
    if (launch->cpu_limit) limit_cpu(limits, launch, group);
}

void limits_move(struct limits *limits, pid_t pid) {
    if (limits->memory.directory >= 0 && !cgroup_move(&limits->memory, pid)) {
        limits->memory_holder = NULL;
    }
    if (limits->cpu.directory >= 0 && !cgroup_move(&limits->cpu, pid)) {
        limits->cpu_enforced = false;
    }
}

int limits_oom_kills(const struct limits *limits) {
    const struct cgroup *holder = limits->memory_holder;
    if (!holder || holder->directory < 0) return 0;
    char text[1024];
    const char *name = holder == &limits->memory ? "memory.oom_control" : "memory.events";
    if (read_small_file(holder->directory, name, text, sizeof text) < 0) return 0;
    // Not `oom_kill_disable`, which stands before it in v1.
    const char *count = strstr(text, "oom_kill ");
    return count ? atoi(count + strlen("oom_kill ")) : 0;
}

bool limits_remove(struct limits *limits) {
    bool memory = cgroup_remove(&limits->memory);
    return cgroup_remove(&limits->cpu) && memory;
}
