#include "tile_loop.h"

#include <openssl/evp.h>
#include <string.h>

#define TILE_WORDS 4096
#define KEYS_PER_PASS 64

static const uint8_t zeros[TILE_WORDS * 4];

int tile_loop_add(const uint8_t *keys, size_t key_count, uint32_t *words, size_t word_count) {
  static const uint8_t counter[16];
  uint32_t tile[TILE_WORDS];
  EVP_CIPHER_CTX *streams[KEYS_PER_PASS];
  for (size_t i = 0; i < KEYS_PER_PASS; i++) {
    streams[i] = EVP_CIPHER_CTX_new();
    if (!streams[i]) return 0;
  }
  int ok = 1;
  for (size_t first = 0; first < key_count && ok; first += KEYS_PER_PASS) {
    size_t group = key_count - first < KEYS_PER_PASS ? key_count - first : KEYS_PER_PASS;
    for (size_t i = 0; i < group && ok; i++)
      ok = EVP_EncryptInit_ex(streams[i], EVP_aes_256_ctr(), NULL, keys + 32 * (first + i), counter);
    for (size_t start = 0; start < word_count && ok; start += TILE_WORDS) {
      size_t count = word_count - start < TILE_WORDS ? word_count - start : TILE_WORDS;
      for (size_t i = 0; i < group && ok; i++) {
        int written = 0;
        ok = EVP_EncryptUpdate(streams[i], (uint8_t *)tile, &written, zeros, (int)(count * 4));
        for (size_t j = 0; j < count; j++) words[start + j] += tile[j];
      }
    }
  }
  for (size_t i = 0; i < KEYS_PER_PASS; i++) EVP_CIPHER_CTX_free(streams[i]);
  return ok;
}
