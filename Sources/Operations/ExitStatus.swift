/// The exit codes of every command (design, section 6). Scripts rely on them: a code never changes
/// its meaning.
package enum ExitStatus: Int32, CaseIterable, Sendable {
  /// Done, also after an orderly stop by SIGTERM.
  case ok = 0
  case failure = 1
  /// Wrong flags or arguments.
  case usage = 2
  case budgetExhausted = 3
  /// A ledger that is readable and wrong; also a refused token or key.
  case verificationFailed = 4
  /// A configuration or input file is not valid.
  case invalidConfiguration = 5
  case peerUnreachable = 6
  case consentMissing = 7
  /// A ledger that is unreadable, or shorter than its head.
  case ledgerDamaged = 8
  case quorumNotMet = 9
  /// Port busy, disk full and the like: the same command may work later.
  case temporary = 75
  /// Ctrl-C.
  case interrupted = 130

  /// The code of a process that ends because of a signal: 128 + its number.
  package static func code(forSignal number: Int32) -> Int32 { 128 + number }
}
