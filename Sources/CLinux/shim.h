// Linux headers that Swift's Glibc module lacks. No logic: an inline stands here only
// where a macro or a variadic call cannot be imported, and says so.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// `open` is variadic, which Swift does not import.
static inline int shunt_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}

/// `openat` is variadic, which Swift does not import.
static inline int shunt_openat(int directory, const char *path, int flags, mode_t mode) {
    return openat(directory, path, flags, mode);
}

/// `ioctl` is variadic and FICLONE a function-like macro.
static inline int shunt_clone_range(int destination, int source) {
    return ioctl(destination, FICLONE, source);
}

/// Headers and kernel calls of the content store. `openat2` has no wrapper in glibc, and
/// `renameat2` only since 2.28; both go through `syscall`, which is variadic.
#include <linux/openat2.h>

static inline int shunt_renameat2(
    int from_directory, const char *from, int to_directory, const char *to, unsigned int flags) {
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

static inline int shunt_openat2(
    int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/// `getdents64` has a wrapper in glibc only since 2.30, and `syscall` is variadic.
static inline long shunt_getdents64(int directory, void *buffer, size_t count) {
    return syscall(SYS_getdents64, directory, buffer, count);
}
