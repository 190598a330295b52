// old-kernel PROGRAM ARGUMENT…: runs a program, and all that it starts, as on Linux 4.18: system
// calls that came later answer ENOSYS. For tests of the fallbacks.
//
// old-kernel --without-namespaces PROGRAM ARGUMENT…: as in a container of a rented machine, where
// nobody may make a namespace.

#define _GNU_SOURCE 1

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// By number, since the headers of an older system may lack the names. From pidfd_send_signal (5.1)
// on, numbers are the same on every architecture, and none of them is in 4.18.
enum { FIRST_LATER_CALL = 424 };

int main(int count, char **arguments) {
    int forbids_namespaces = count > 1 && !strcmp(arguments[1], "--without-namespaces");
    if (forbids_namespaces) {
        arguments++;
        count--;
    }
    if (count < 2) return 64;
    struct sock_filter later_calls[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_LATER_CALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter namespaces[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter *code = forbids_namespaces ? namespaces : later_calls;
    struct sock_fprog filter = {
        .len = sizeof later_calls / sizeof later_calls[0], .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
        perror("old-kernel: seccomp");
        return 71;
    }
    execv(arguments[1], arguments + 1);
    perror("old-kernel");
    return 127;
}
