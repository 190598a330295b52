// libuv as Swift sees it.
#pragma once
#include <uv.h>
