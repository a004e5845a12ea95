/// What went wrong in the cryptographic layer; never carries secret bytes.
package enum CryptographyError: Error, Equatable, Sendable {
  /// A C library or an algorithm in it cannot be used in this process.
  case missingLibrary(String)
  /// Guarded memory for `byteCount` secret bytes could not be reserved.
  case secretMemoryUnavailable(byteCount: Int)
  /// A value has the wrong number of bytes.
  case invalidLength(value: String, expected: Int, actual: Int)
  /// The bytes are not an Ed25519 public key: not on the curve, not canonical, or of small order.
  case invalidVerifyingKey
  /// The X25519 result is all zero: the peer's key is of small order and would fix the secret.
  case weakAgreementKey
  /// A library call that cannot fail on valid input reported failure.
  case operationFailed(String)
  /// A ciphertext was altered, reordered, cut, or sealed under another key.
  case authenticationFailed
  /// A chunk arrived for a stream whose final chunk has been handled.
  case streamEnded
  /// The text is not the canonical form of `format`; `offset` counts bytes where it is known.
  case invalidEncoding(format: String, offset: Int?)
  /// The key file at `path` cannot be used.
  case keyFile(path: String, problem: KeyFileProblem)
}

extension CryptographyError: CustomStringConvertible {
  /// One or more sentences for a person: what happened, why, and what to do where there is a
  /// choice.
  package var description: String {
    switch self {
    case .missingLibrary(let name):
      "\(name) cannot be used in this process. Check that the installed library is complete."
    case .secretMemoryUnavailable(let byteCount):
      "No guarded memory for \(byteCount) secret bytes: the system refused the mapping. "
        + "Free memory or raise vm.max_map_count."
    case .invalidLength(let value, let expected, let actual):
      "The \(value) has \(actual) bytes, but \(expected) are needed."
    case .invalidVerifyingKey:
      "These 32 bytes are not an Ed25519 public key. Check that the key was copied whole."
    case .weakAgreementKey:
      "The peer's X25519 key is of small order, so the shared secret would be known to anyone."
    case .operationFailed(let name):
      "\(name) failed although its input was valid."
    case .authenticationFailed:
      "The sealed bytes were altered, cut, reordered, or sealed under another key."
    case .streamEnded:
      "The sealed stream has already ended with its final chunk."
    case .invalidEncoding(let format, .some(let offset)):
      "The text is not \(format): see byte \(offset)."
    case .invalidEncoding(let format, .none):
      "The text is not \(format)."
    case .keyFile(let path, let problem):
      problem.sentence(path: path)
    }
  }
}
