// libssh as Swift sees it.
#pragma once

// As CLinux has it: the C library's types differ without it, and a target that imports both
// modules must see them alike. Of `fd_set` the same as there holds.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <features.h>
#pragma push_macro("__USE_XOPEN")
#undef __USE_XOPEN
#include <sys/select.h>
#pragma pop_macro("__USE_XOPEN")

// Functions of libssh's past, some of which carry the names of functions of ours.
#define LIBSSH_LEGACY_0_4 1

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <netdb.h>
#include <netinet/tcp.h>
