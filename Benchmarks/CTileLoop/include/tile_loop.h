#ifndef TACIT_TILE_LOOP_H
#define TACIT_TILE_LOOP_H

#include <stddef.h>
#include <stdint.h>

/// The baseline of the mask benchmark: AES-256-CTR keystreams of `key_count` keys of 32 bytes from
/// counter 0, added to `words` in Z_2^32; tiles of 16 KiB outside, keys inside, 64 keys a pass.
/// Returns 1, or 0 when OpenSSL fails.
int tile_loop_add(const uint8_t *keys, size_t key_count, uint32_t *words, size_t word_count);

#endif
