/// A note made without this project: body by hand, key hash by Python's hashlib, signature by
/// `openssl pkeyutl -sign -rawin` (OpenSSL 3.0) under the Ed25519 seed 00 01 … 1f.
enum CheckpointVector {
  static let publicKey = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
  static let note = """
    tacit-ledger/2/000102030405060708090a0b0c0d0e0f
    1234
    SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=

    \u{2014} tacit-ledger/2/000102030405060708090a0b0c0d0e0f \
    Hn6OJYIs7FdxWj/XQN4Z1XO83DTM+HCeuOSFiVkdkjz5TbeOXISuE6m4oGU2rWDNPardjef5orwBgHSsNYm+4R33lgc=

    """
}
