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
#include <malloc.h>
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

/// `prctl` is variadic; glibc's `pthread_setname_np` stands behind `_GNU_SOURCE`, without which
/// Swift's Glibc module is built.
static inline int shunt_set_thread_name(const char *name) {
    return prctl(PR_SET_NAME, name);
}

/// `struct ucred` stands behind `_GNU_SOURCE`: its three fields, in its order.
struct shunt_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/// The process that connected a Unix socket, as it was then.
static inline int shunt_peer_of(int socket, struct shunt_peer *peer) {
    socklen_t length = sizeof *peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, peer, &length);
}

/// `accept4` stands behind `_GNU_SOURCE`: by its number, so that no descriptor is ever open
/// without close-on-exec.
static inline int shunt_accept(int listener) {
    return (int)syscall(SYS_accept4, listener, (void *)0, (void *)0, SOCK_CLOEXEC | SOCK_NONBLOCK);
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

/// `ioctl` is variadic: how many bytes wait in a pipe, or -1.
static inline int shunt_bytes_waiting(int pipe) {
    int count = 0;
    return ioctl(pipe, FIONREAD, &count) < 0 ? -1 : count;
}

/// `prctl` is variadic: orphaned descendants become children of the caller.
static inline int shunt_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
}

/// `syscall` is variadic, and glibc has `pidfd_open` only since 2.36. -1 with ENOSYS before
/// Linux 5.3.
static inline int shunt_pidfd_open(pid_t pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

/// As ``shunt_pidfd_open``.
static inline int shunt_pidfd_send_signal(int pidfd, int signal) {
#ifdef SYS_pidfd_send_signal
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
#else
    (void)pidfd;
    (void)signal;
    errno = ENOSYS;
    return -1;
#endif
}

/// `fcntl` is variadic. An open-file-description lock on the whole file: `type` is F_WRLCK to take
/// it, F_UNLCK to give it back. -1 with EAGAIN while another holds it.
static inline int shunt_set_lock(int file, short type) {
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(file, F_OFD_SETLK, &whole);
}

/// As ``shunt_set_lock``: 1 while another description holds a lock on the file, 0 while none does,
/// -1 with errno. Asks without taking.
static inline int shunt_is_locked(int file) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(file, F_OFD_GETLK, &whole) < 0) return -1;
    return whole.l_type != F_UNLCK;
}

/// `getdents64` has a wrapper in glibc only since 2.30, and `syscall` is variadic.
static inline long shunt_getdents64(int directory, void *buffer, size_t count) {
    return syscall(SYS_getdents64, directory, buffer, count);
}

/// POSIX_SPAWN_SETSID stands behind `_GNU_SOURCE`, without which Swift's Glibc module is built.
static inline int shunt_spawn_setsid(void) {
    return POSIX_SPAWN_SETSID;
}
