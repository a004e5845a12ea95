internal import BehaviorStore
internal import CanonicalJSON
internal import Operations
internal import Recommendation

/// Lists, reasons and profiles as JSON, for the commands and the page alike.
enum SlateDocument {
  static func json(_ slate: ServedSlate, catalogue: Catalogue) -> JSONValue {
    .object([
      "items": .array(slate.items.map { json($0, catalogue: catalogue) }),
      "slate": slate.identifier.map { .integer($0) } ?? .null,
      "policy": slate.plan.map { .string($0.text) } ?? .null,
      "seed": slate.seed.map { .string(String($0)) } ?? .null,
      "explored_slots": .integer(Int64(slate.exploredSlots)),
      "experiment": slate.experiment.map(json) ?? .null,
    ])
  }

  private static func json(_ part: ExperimentPart) -> JSONValue {
    .object([
      "name": .string(part.experiment.name), "arm": .string(part.arm.name),
      "policy": .string(part.arm.plan.text), "counted": .bool(part.isCounted),
      "sentence": .string(part.sentence),
    ])
  }

  static func json(_ item: Recommendation, catalogue: Catalogue) -> JSONValue {
    .object([
      "item": .string(catalogue.codes[item.item]),
      "description": .string(catalogue.descriptions[item.item]),
      // Not the rounded score: the parts of a drawn item may be far larger than their sum.
      "score": .number(item.reasons.reduce(0) { $0 + Double($1.contribution) }),
      "propensity": item.propensity.map(JSONValue.number) ?? .null,
      "propensity_draws": item.monteCarloDraws.map { .integer(Int64($0)) } ?? .null,
      "reasons": .array(
        item.reasons.map { json($0, catalogue: catalogue) }),
    ])
  }

  private static func json(_ reason: Reason, catalogue: Catalogue) -> JSONValue {
    .object([
      "component": .string(reason.component.rawValue),
      "contribution": .number(Double(reason.contribution)),
      "share": .number(Double(reason.share)), "sentence": .string(reason.sentence),
      "evidence": json(reason.evidence, catalogue: catalogue),
    ])
  }

  private static func json(_ evidence: Reason.Evidence, catalogue: Catalogue) -> JSONValue {
    switch evidence {
    case .ownFrequency(let occasions): return .object(["occasions": .integer(Int64(occasions))])
    case .learned(let shares):
      return .object([
        "history": .array(
          shares.map { share in
            .object([
              "item": .string(catalogue.codes[share.item]), "value": .number(Double(share.value)),
            ])
          })
      ])
    case .order(let latest, let read):
      return .object([
        "latest": .array(latest.map { .string(catalogue.codes[$0]) }),
        "read": .integer(Int64(read)),
      ])
    case .text(let nearest, let cosine):
      return .object([
        "nearest": .string(catalogue.codes[nearest]), "cosine": .number(Double(cosine)),
      ])
    case .noText, .feedback, .diversity: return .object([:])
    case .popularity(let fraction): return .object(["fraction": .number(Double(fraction))])
    case .exploration(let policy, let probability, let newCategory):
      return .object([
        "policy": .string(policy), "probability": .number(probability),
        "new_category": newCategory.map(JSONValue.string) ?? .null,
      ])
    }
  }

  static func json(_ profile: ServedProfile) -> JSONValue {
    .object([
      "interests": .array(profile.interests.map(json)),
      "deleted": .array(
        profile.forgotten.map { interest in
          .object(["tag": .string(interest.tag), "revived": .bool(interest.isRevived)])
        }),
      "exploration": .object([
        "slots_per_day": .integer(Int64(profile.budget.slotsPerDay)),
        "used_today": .integer(Int64(profile.budget.usedSlots)),
      ]),
      "experiment": profile.experiment.map(json) ?? .null,
    ])
  }

  private static func json(_ interest: Interest) -> JSONValue {
    .object([
      "tag": .string(interest.tag), "standing": .string(interest.standing.rawValue),
      "purchases": .integer(Int64(interest.purchases)), "share": .number(interest.share),
      "shown": .integer(Int64(interest.shown)), "accepted": .integer(Int64(interest.accepted)),
      "chance": .number(interest.chance),
      "interval": .array([
        .number(interest.interval.lowerBound), .number(interest.interval.upperBound),
      ]),
      "drift": .string(interest.drift.rawValue), "sentence": .string(interest.sentence),
    ])
  }

  /// An item's reasons, one a line, the largest first; those that add nothing and explain no chance are
  /// left out.
  static func lines(_ item: Recommendation) -> [String] {
    item.reasons.filter { $0.contribution != 0 || $0.component == .exploration }.map { reason in
      "     \(Format.percent(Double(reason.share)))  \(PlainText.line(reason.sentence))"
    }
  }
}
