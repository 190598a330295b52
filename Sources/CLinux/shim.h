// Linux headers that Swift's Glibc module lacks. No logic: an inline stands here only
// where a macro or a variadic call cannot be imported, and says so.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

// `fd_set` names its member by __USE_XOPEN, which _GNU_SOURCE sets and swift-nio's modules lack.
// A target that sees both would have two definitions of one type, and does not compile.
#include <features.h>
#pragma push_macro("__USE_XOPEN")
#undef __USE_XOPEN
#include <sys/select.h>
#pragma pop_macro("__USE_XOPEN")

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
