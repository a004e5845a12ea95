#ifndef TACIT_COPENSSL_SHIM_H
#define TACIT_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// OpenSSL exposes part of its interface as function-like macros, which Swift cannot import. Each
// wrapper below is one such macro, named COpenSSL_<macro>, with the macro's own arguments and
// result; nothing else belongs in this file.

// Context and connection.

static inline int COpenSSL_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int COpenSSL_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline long COpenSSL_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_mode(context, mode);
}

static inline long COpenSSL_SSL_set_mode(SSL *connection, long mode) {
  return SSL_set_mode(connection, mode);
}

static inline int COpenSSL_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *groups) {
  return (int)SSL_CTX_set1_groups_list(context, (char *)groups);
}

static inline int COpenSSL_SSL_CTX_set1_sigalgs_list(SSL_CTX *context, const char *algorithms) {
  return (int)SSL_CTX_set1_sigalgs_list(context, (char *)algorithms);
}

static inline long COpenSSL_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_session_cache_mode(context, mode);
}

static inline long COpenSSL_SSL_set_tlsext_host_name(SSL *connection, const char *name) {
  return SSL_set_tlsext_host_name(connection, (char *)name);
}

static inline long COpenSSL_SSL_CTX_set_max_cert_list(SSL_CTX *context, long byteCount) {
  return SSL_CTX_set_max_cert_list(context, byteCount);
}

static inline int COpenSSL_SSL_in_init(SSL *connection) {
  return SSL_in_init(connection);
}

// Memory BIOs.

static inline int COpenSSL_BIO_pending(BIO *bio) {
  return (int)BIO_pending(bio);
}

static inline int COpenSSL_BIO_wpending(BIO *bio) {
  return (int)BIO_wpending(bio);
}

static inline int COpenSSL_BIO_should_retry(BIO *bio) {
  return BIO_should_retry(bio);
}

static inline int COpenSSL_BIO_reset(BIO *bio) {
  return BIO_reset(bio);
}

static inline long COpenSSL_BIO_get_mem_data(BIO *bio, char **bytes) {
  return BIO_get_mem_data(bio, bytes);
}

static inline long COpenSSL_BIO_set_mem_eof_return(BIO *bio, int value) {
  return BIO_set_mem_eof_return(bio, value);
}

// Errors and memory.

static inline int COpenSSL_ERR_GET_LIB(unsigned long code) {
  return ERR_GET_LIB(code);
}

static inline int COpenSSL_ERR_GET_REASON(unsigned long code) {
  return ERR_GET_REASON(code);
}

static inline void COpenSSL_OPENSSL_free(void *pointer) {
  OPENSSL_free(pointer);
}

// Keys.

static inline EVP_PKEY *COpenSSL_EVP_EC_gen(const char *curve) {
  return EVP_EC_gen(curve);
}

#endif
