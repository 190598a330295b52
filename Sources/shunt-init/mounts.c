// Data that lies on the machine, read-only under the working directory: bind mounts that the task
// alone sees, since they are made in a mount namespace of its own. They go with its last process.
//
// The working directory of the task is entered after this: what was entered before would still
// show what lies under the mount.

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// `struct mount_attr` of Linux 5.12.
struct attributes {
    uint64_t set, clear, propagation, user_namespace;
};

enum { ATTRIBUTE_READ_ONLY = 1, CALL_MOUNT_SETATTR = 442, WHOLE_TREE = 0x8000 };

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    ssize_t length = (ssize_t)strlen(text);
    int error = write(file, text, (size_t)length) == length ? 0 : errno;
    close(file);
    return error;
}

// A user namespace in which the account is called what it is outside.
static int enter_as_oneself(void) {
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return errno;
    char line[64];
    // An account may map its group only after it has given up changing the others.
    int error = write_file("/proc/self/setgroups", "deny");
    if (error && error != ENOENT) return error;
    snprintf(line, sizeof line, "%u %u 1", (unsigned)user, (unsigned)user);
    error = write_file("/proc/self/uid_map", line);
    if (error) return error;
    snprintf(line, sizeof line, "%u %u 1", (unsigned)group, (unsigned)group);
    return write_file("/proc/self/gid_map", line);
}

static int enter_namespace(void) {
    if (unshare(CLONE_NEWNS) < 0) {
        if (errno != EPERM) return errno;
        int error = enter_as_oneself();
        if (error) return error;
    }
    // What is mounted later on the machine still comes in, and nothing goes out.
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? errno : 0;
}

// The flags of a mount that another namespace locked must be said again when it is changed.
static unsigned long standing_flags(const char *path) {
    static const struct { unsigned long shown, flag; } table[] = {
        {ST_NOSUID, MS_NOSUID}, {ST_NODEV, MS_NODEV}, {ST_NOEXEC, MS_NOEXEC},
        {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME},
    };
    struct statvfs status;
    if (statvfs(path, &status) < 0) return 0;
    unsigned long flags = 0;
    for (size_t index = 0; index < sizeof table / sizeof table[0]; index++) {
        if (status.f_flag & table[index].shown) flags |= table[index].flag;
    }
    return flags;
}

static int bind_read_only(const char *source, const char *target) {
    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0) return errno;
    struct attributes attributes = {.set = ATTRIBUTE_READ_ONLY};
    // With all that is mounted within.
    if (syscall(CALL_MOUNT_SETATTR, AT_FDCWD, target, WHOLE_TREE, &attributes,
                sizeof attributes) == 0) {
        return 0;
    }
    if (errno != ENOSYS) return errno;
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | standing_flags(target);
    return mount(NULL, target, NULL, flags, NULL) < 0 ? errno : 0;
}

int mounts_enter(char *const *mounts, size_t count, size_t *made) {
    *made = count;
    if (count == 0) return 0;
    int error = enter_namespace();
    if (error) return error;
    for (*made = 0; *made < count; ++*made) {
        error = bind_read_only(mounts[2 * *made], mounts[2 * *made + 1]);
        if (error) return error;
    }
    return 0;
}

int mounts_try(void) {
    // A directory that is everywhere, onto itself: what can be done there can be done elsewhere.
    static char path[] = "/usr";
    char *const pair[] = {path, path};
    size_t made;
    return mounts_enter(pair, 1, &made) ? 1 : 0;
}
