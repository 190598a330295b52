// libuv as Swift sees it.
#pragma once

// As CLinux has it: the C library's types differ without it, and a target that imports both
// modules must see them alike.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <uv.h>
