internal import Recommendation

/// What a customer did, or what the shop did that the customer's behaviour answers to. The raw
/// value is the name in files.
package enum EventKind: String, CaseIterable, Sendable, Hashable {
  case view, click, cart, purchase, rating
  /// A bought item was given back.
  case returned = "return"
  /// The shop sent a coupon for the item.
  case couponSend = "coupon-send"
  /// The customer used a coupon for the item.
  case couponRedemption = "coupon-redemption"
}

/// Why a set of values is not a behaviour event. The values themselves are never repeated.
package enum BehaviorEventProblem: Error, Equatable, Sendable {
  case unknownKind
  case textEmpty(field: String)
  case textTooLong(field: String, limitBytes: Int)
  case textNotPrintable(field: String)
  case textMissing(field: String)
  case timeNotNaive
  case valueNotFinite

  /// One clause for a person, without a full stop.
  package var reason: String {
    switch self {
    case .unknownKind:
      "`kind` is not one of " + EventKind.allCases.map(\.rawValue).joined(separator: ", ")
    case .textEmpty(let field): "`\(field)` is empty"
    case .textTooLong(let field, let limitBytes): "`\(field)` is longer than \(limitBytes) bytes"
    case .textNotPrintable(let field): "`\(field)` is not UTF-8 or holds a control character"
    case .textMissing(let field): "`\(field)` is missing or not a text"
    case .timeNotNaive: "`time` is not a date and time of the form YYYY-MM-DD HH:MM:SS"
    case .valueNotFinite: "`value` is not a finite decimal number"
    }
  }
}

/// One thing a customer did, as the device remembers it.
package struct BehaviorEvent: Hashable, Sendable {
  /// Longest item code or occasion, in UTF-8 bytes.
  package static let maximumTextBytes = 256

  package let kind: EventKind
  /// The shop's item code, not empty.
  package let item: String
  /// Local time as the shop wrote it, in seconds since 1970-01-01 00:00:00 of the same local clock.
  package let timeSeconds: Int64
  /// Quantity of a purchase or return, stars of a rating, worth of a coupon, 1 for the others;
  /// finite.
  package let value: Double
  /// Invoice, session or coupon in which it happened, not empty.
  package let occasion: String

  /// - Throws: `BehaviorEventProblem` if a text is empty, longer than `maximumTextBytes` or holds
  ///   a control character, if the value is not finite, or if the time has no calendar date
  ///   between the years 1 and 9999.
  package init(
    kind: EventKind, item: String, timeSeconds: Int64, value: Double, occasion: String
  ) throws(BehaviorEventProblem) {
    try Self.check(item, field: "item")
    try Self.check(occasion, field: "occasion")
    guard value.isFinite else { throw .valueNotFinite }
    guard CalendarTime.range.contains(timeSeconds) else { throw .timeNotNaive }
    self.kind = kind
    self.item = item
    self.timeSeconds = timeSeconds
    self.value = value
    self.occasion = occasion
  }

  private static func check(_ text: String, field: String) throws(BehaviorEventProblem) {
    guard !text.isEmpty else { throw .textEmpty(field: field) }
    guard text.utf8.count <= maximumTextBytes else {
      throw .textTooLong(field: field, limitBytes: maximumTextBytes)
    }
    // Control characters (C0, DEL, C1: all of Unicode's) could drive the terminal that shows a reason.
    guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
    else {
      throw .textNotPrintable(field: field)
    }
  }
}
