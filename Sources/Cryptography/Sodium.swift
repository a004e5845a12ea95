internal import CSodium

/// The single gate to libsodium: `sodium_init` runs once a process, before any other call that
/// needs it.
enum Sodium {
  // A static let runs its initialiser once, whatever the number of threads. Zero means ready, one
  // means that another caller in the process was first.
  private static let isReady = sodium_init() >= 0

  /// - Throws: `CryptographyError.missingLibrary` if libsodium could not find its source of
  ///   entropy.
  static func requireReady() throws(CryptographyError) {
    guard isReady else { throw .missingLibrary("libsodium") }
  }

  /// For calls that promise a result: continuing without libsodium would mean continuing without
  /// entropy.
  static func assertReady() {
    precondition(isReady, "libsodium could not be initialised: no source of entropy")
  }
}
