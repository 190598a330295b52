// SHA-256 of nettle, whose code for x86_64 and arm64 uses the processor's instructions for it.
#pragma once
#include <nettle/sha2.h>
#include <nettle/version.h>

// Nettle 4 takes the length of a digest away from the function that writes one.
static inline void shunt_sha256_digest(struct sha256_ctx *context, uint8_t *digest) {
#if NETTLE_VERSION_MAJOR >= 4
    nettle_sha256_digest(context, digest);
#else
    nettle_sha256_digest(context, SHA256_DIGEST_SIZE, digest);
#endif
}
