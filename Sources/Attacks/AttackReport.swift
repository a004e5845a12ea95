package import CanonicalJSON

/// What an attack reached, setting by setting.
package struct AttackReport: Equatable, Sendable {
  /// Said beside every figure: the noise is repeatable.
  package static let watermark = "simulation, seeded noise"

  /// How it ended.
  package enum Verdict: Equatable, Sendable {
    /// Wins without protection and loses against the default.
    case holds
    /// Wins against the default.
    case broken
    /// Does not win without protection either: says nothing about the default.
    case inconclusive
  }

  /// One setting.
  package struct Row: Equatable, Sendable {
    /// Name in JSON.
    package let key: String
    /// What the attacker has.
    package let setting: String
    /// Name of the figure, and the figure.
    package let measure: String
    package let value: MeanInterval
    /// What the same figure is for somebody who knows nothing of the victim; nil where it was not asked.
    package let guess: Double?
    /// Whether it is a setting of the default mode.
    package let isDefault: Bool

    package init(
      key: String, setting: String, measure: String, value: MeanInterval, guess: Double?,
      isDefault: Bool
    ) {
      self.key = key
      self.setting = setting
      self.measure = measure
      self.value = value
      self.guess = guess
      self.isDefault = isDefault
    }
  }

  /// `items`, `membership` or `inversion`.
  package let name: String
  /// What the attacker wants, as a question.
  package let question: String
  /// Data, cohort and policy, in a sentence.
  package let setup: String
  package let rows: [Row]
  package let verdict: Verdict
  /// What it means, one sentence each.
  package let meaning: [String]

  package init(
    name: String, question: String, setup: String, rows: [Row], verdict: Verdict,
    meaning: [String]
  ) {
    self.name = name
    self.question = question
    self.setup = setup
    self.rows = rows
    self.verdict = verdict
    self.meaning = meaning
  }

  /// One object.
  package var json: JSONValue {
    .object([
      "attack": .string(name), "question": .string(question), "setup": .string(setup),
      "watermark": .string(Self.watermark), "verdict": .string(verdict.word),
      "meaning": .array(meaning.map(JSONValue.string)),
      "rows": .array(
        rows.map { row in
          .object([
            "key": .string(row.key), "setting": .string(row.setting),
            "measure": .string(row.measure), "mean": .number(row.value.mean),
            "low_95": .number(row.value.low), "high_95": .number(row.value.high),
            "count": .integer(Int64(row.value.count)),
            "guess": row.guess.map(JSONValue.number) ?? .null,
            "default_mode": .bool(row.isDefault),
          ])
        }),
    ])
  }
}

extension AttackReport.Verdict {
  /// In JSON and at the end of the text.
  package var word: String {
    switch self {
    case .holds: "holds"
    case .broken: "broken"
    case .inconclusive: "inconclusive"
    }
  }
}
