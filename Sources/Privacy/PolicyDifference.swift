package import CanonicalJSON

/// What changed between two policies, and which way each change moves the protection.
///
/// Whoever consented to one policy has not consented to another. This says what to tell them.
package struct PolicyDifference: Equatable, Sendable {
  /// Which way a change moves the protection of one customer.
  package enum Direction: String, Equatable, Sendable, CaseIterable {
    case weaker
    case stronger
    /// Neither more nor less privacy loss is possible for it.
    case neutral
    /// No ledger may change it: it needs a new federation.
    case fixed
  }

  /// One field that differs.
  package struct Change: Equatable, Sendable {
    /// Path of the field in the policy file.
    package let field: String
    /// Value before, or "absent".
    package let before: String
    package let after: String
    package let direction: Direction
  }

  /// In the order of the fields below; empty for equal policies.
  package let changes: [Change]

  /// - Parameters:
  ///   - old: in force.
  ///   - new: to take its place.
  package init(from old: PrivacyPolicy, to new: PrivacyPolicy) {
    var changes: [Change] = []
    func note(_ field: String, _ before: String, _ after: String, _ direction: Direction) {
      guard before != after else { return }
      changes.append(Change(field: field, before: before, after: after, direction: direction))
    }
    func compare(
      _ field: String, _ before: ExactDecimal, _ after: ExactDecimal, higherIs up: Direction
    ) {
      note(
        field, "\(before)", "\(after)",
        Self.direction(before.doubleValue, after.doubleValue, higherIs: up))
    }
    func compare(_ field: String, _ before: Int, _ after: Int, higherIs up: Direction) {
      note(
        field, "\(before)", "\(after)", Self.direction(Double(before), Double(after), higherIs: up))
    }
    note("federation", old.federation, new.federation, .fixed)
    note("unit", old.unit.rawValue, new.unit.rawValue, .fixed)
    note("relation", old.relation.rawValue, new.relation.rawValue, .fixed)
    note("filter", old.filter, new.filter, .fixed)
    note("model", old.model, new.model, .fixed)
    note(
      "hyperparameters", Self.text(old.hyperparameters), Self.text(new.hyperparameters), .fixed)
    // What a block costs depends on all of its fields.
    note(
      "correlated_noise", old.correlatedNoise.map { Self.text($0.json) } ?? "absent",
      new.correlatedNoise.map { Self.text($0.json) } ?? "absent", .fixed)
    compare("epsilon_limit", old.epsilonLimit, new.epsilonLimit, higherIs: .weaker)
    compare("delta", old.delta, new.delta, higherIs: .weaker)
    compare("minimum_cohort", old.minimumCohort, new.minimumCohort, higherIs: .stronger)
    compare("maximum_cohort", old.maximumCohort, new.maximumCohort, higherIs: .neutral)
    compare("target_cohort", old.targetCohort, new.targetCohort, higherIs: .neutral)
    let ranks = PrivacyPolicy.modes
    note(
      "mode", old.mode, new.mode,
      Self.direction(
        Double(ranks.firstIndex(of: old.mode) ?? 0), Double(ranks.firstIndex(of: new.mode) ?? 0),
        higherIs: .stronger))
    for (field, path, up) in [
      ("corrupt_fraction", \MaskingTolerance.corruptFraction, Direction.stronger),
      ("dropout_fraction", \MaskingTolerance.dropoutFraction, Direction.weaker),
    ] {
      // Where one side has no masks, the change of mode says what that means.
      if let before = old.masking, let after = new.masking {
        compare(field, before[keyPath: path], after[keyPath: path], higherIs: up)
      } else {
        note(
          field, old.masking.map { "\($0[keyPath: path])" } ?? "absent",
          new.masking.map { "\($0[keyPath: path])" } ?? "absent", .neutral)
      }
    }
    for index in 0..<min(old.plan.count, new.plan.count) {
      let (before, after) = (old.plan[index], new.plan[index])
      note("plan[\(index)].stage", before.stage, after.stage, .fixed)
      // Noise is in units of the clip norm, so that the norm alone moves nothing.
      compare("plan[\(index)].clip_norm", before.clipNorm, after.clipNorm, higherIs: .neutral)
      compare(
        "plan[\(index)].noise_multiplier", before.noiseMultiplier, after.noiseMultiplier,
        higherIs: .stronger)
    }
    // A model has as many stages as its plan has rounds.
    note("plan", "\(old.plan.count) rounds", "\(new.plan.count) rounds", .fixed)
    compare(
      "round_deadline_seconds", old.roundDeadlineSeconds, new.roundDeadlineSeconds,
      higherIs: .neutral)
    compare("retention_days", old.retentionDays, new.retentionDays, higherIs: .weaker)
    self.changes = changes
  }

  private static func text(_ value: JSONValue) -> String {
    String(decoding: value.canonicalBytes, as: UTF8.self)
  }

  private static func direction(
    _ before: Double, _ after: Double, higherIs up: Direction
  ) -> Direction {
    guard up != .neutral, before != after else { return .neutral }
    return (after > before) == (up == .weaker) ? .weaker : .stronger
  }

  /// Whether any change allows more privacy loss than before.
  package var isWeaker: Bool { changes.contains { $0.direction == .weaker } }

  /// Fields that changed and may not.
  package var fixedFields: [String] {
    changes.filter { $0.direction == .fixed }.map(\.field)
  }

  /// In one line, weaker ones first: `weaker: epsilon_limit 8 to 10; neutral: …`.
  package var summary: String {
    [Direction.weaker, .fixed, .stronger, .neutral].compactMap { direction in
      let parts = changes.filter { $0.direction == direction }
        .map { "\($0.field) \($0.before) to \($0.after)" }
      return parts.isEmpty ? nil : "\(direction.rawValue): \(parts.joined(separator: ", "))"
    }.joined(separator: "; ")
  }

  /// One object a change.
  package var json: JSONValue {
    .array(
      changes.map { change in
        .object([
          "field": .string(change.field), "before": .string(change.before),
          "after": .string(change.after), "direction": .string(change.direction.rawValue),
        ])
      })
  }
}
