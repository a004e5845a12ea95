extension Checkpoint {
  /// Whether both speak of the same entries of the same ledger. One key makes any number of signatures of that.
  package func isSameTree(as other: Checkpoint) -> Bool {
    origin == other.origin && size == other.size && root == other.root
  }

  /// Checks that this checkpoint is of the same ledger as `held`, grown or unchanged (rule R2).
  ///
  /// Both signatures are verified before. Two signed roots of one size contradict each other; a proof that fails between
  /// two sizes shows only that none was given: keep both texts, and whoever has the ledger can tell which one it is not of.
  /// - Parameters:
  ///   - held: the newest checkpoint that was accepted before.
  ///   - proof: from `held.size` to `size`; without hashes where they are equal.
  /// - Throws: `LedgerError.checkpointRefused` for another ledger or format, `.rolledBack`, `.splitView`,
  ///   `.extensionNotProven`.
  package func requireExtension(
    of held: Checkpoint, proof: ConsistencyProof
  ) throws(LedgerError) {
    guard origin == held.origin else {
      throw .checkpointRefused(problem: "it is of \(origin), not of \(held.origin)")
    }
    guard size >= held.size else { throw .rolledBack(heldSize: held.size, shownSize: size) }
    guard size > held.size || root == held.root else { throw .splitView(size: size) }
    do {
      try proof.requirePrefix(
        oldSize: held.size, oldRoot: held.root, newSize: size, newRoot: root)
    } catch {
      throw .extensionNotProven(heldSize: held.size, shownSize: size, problem: "\(error)")
    }
  }
}
