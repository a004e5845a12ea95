/// An error as a person sees it, with the exit code it ends the command with.
package struct CommandFailure: Error, Equatable, Sendable {
  /// What happened.
  package let what: String
  /// Why it happened.
  package let why: String
  /// What to do next.
  package let next: String
  package let exit: ExitStatus

  /// The three texts are clauses of one line each, without a full stop and without data of any
  /// customer.
  package init(what: String, why: String, next: String, exit: ExitStatus) {
    self.what = what
    self.why = why
    self.next = next
    self.exit = exit
  }

  /// Writes the message to stderr.
  package func report() {
    StandardError.write(description + "\n")
  }
}

extension CommandFailure: CustomStringConvertible {
  /// Three labelled lines: a label keeps a path or a command at the start of a part as it is.
  package var description: String {
    """
    error: \(PlainText.line(what))
    why:   \(PlainText.line(why))
    next:  \(PlainText.line(next))
    """
  }
}
