import COpenSSL
import CSodium
import Testing

@Suite("System libraries")
struct SystemLibraryTests {
  @Test("libsodium imports and starts")
  func sodiumImports() {
    #expect(sodium_init() >= 0)
    #expect(sodium_library_version_major() >= 10)
  }

  @Test("libssl imports, and its macros can be called as functions")
  func opensslImports() throws {
    let context = try #require(SSL_CTX_new(TLS_method()))
    defer { SSL_CTX_free(context) }
    #expect(COpenSSL_SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1)
    #expect(COpenSSL_SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1)
    #expect(COpenSSL_SSL_CTX_set1_groups_list(context, "X25519") == 1)
    #expect(COpenSSL_SSL_CTX_set1_groups_list(context, "no such group") == 0)
    let mode = Int(SSL_MODE_RELEASE_BUFFERS)
    #expect(COpenSSL_SSL_CTX_set_mode(context, mode) & mode == mode)
    let connection = try #require(SSL_new(context))
    defer { SSL_free(connection) }
    #expect(COpenSSL_SSL_set_tlsext_host_name(connection, "shop.example") == 1)
    let bio = try #require(BIO_new(BIO_s_mem()))
    defer { BIO_free(bio) }
    #expect(BIO_write(bio, [1, 2, 3] as [UInt8], 3) == 3)
    #expect(COpenSSL_BIO_pending(bio) == 3)
    let key = try #require(COpenSSL_EVP_EC_gen("P-256"))
    EVP_PKEY_free(key)
  }
}
