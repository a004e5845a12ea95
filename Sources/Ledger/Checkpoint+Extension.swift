extension Checkpoint {
  /// Checks that this checkpoint is of the same ledger as `held`, grown or unchanged (rule R2).
  ///
  /// Both signatures are verified before. A failure with two valid signatures is evidence against
  /// the coordinator: keep both texts.
  /// - Parameters:
  ///   - held: the newest checkpoint that was accepted before.
  ///   - proof: from `held.size` to `size`; without hashes where they are equal.
  /// - Throws: `LedgerError.checkpointRefused` for another ledger or format, `.rolledBack`, `.splitView`.
  package func requireExtension(
    of held: Checkpoint, proof: ConsistencyProof
  ) throws(LedgerError) {
    guard origin == held.origin else {
      throw .checkpointRefused(problem: "it is of \(origin), not of \(held.origin)")
    }
    guard size >= held.size else { throw .rolledBack(heldSize: held.size, shownSize: size) }
    do {
      try proof.requirePrefix(
        oldSize: held.size, oldRoot: held.root, newSize: size, newRoot: root)
    } catch {
      throw .splitView(heldSize: held.size, shownSize: size, problem: "\(error)")
    }
  }
}
