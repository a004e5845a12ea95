/// The number form of ECMAScript, which RFC 8785 §3.2.2.3 makes canonical.
enum ECMAScriptNumber {
  /// The shortest decimal that reads back as `value`, laid out as `Number.prototype.toString` does.
  ///
  /// The digits come from the standard library's `description`, which like ECMAScript's algorithm
  /// is the shortest and, among those, the closest decimal; only the layout differs. Negative zero
  /// gives "0".
  /// - Precondition: `value` is finite.
  /// - Source: ECMA-262, Number::toString, steps 5 to 12; n and k below are the names used there.
  static func text(_ value: Double) -> String {
    precondition(value.isFinite, "JSON has no form for NaN or infinity")
    guard value != 0 else { return "0" }
    let sign = value < 0 ? "-" : ""
    let (digits, n) = shortestDecimal(value.magnitude)
    let k = digits.count
    if k <= n && n <= 21 {
      return sign + digits + String(repeating: "0", count: n - k)
    }
    if 0 < n && n <= 21 {
      return sign + digits.prefix(n) + "." + digits.dropFirst(n)
    }
    if -6 < n && n <= 0 {
      return sign + "0." + String(repeating: "0", count: -n) + digits
    }
    let exponent = (n > 0 ? "+" : "-") + String((n - 1).magnitude)
    let fraction = k == 1 ? "" : "." + digits.dropFirst()
    return sign + digits.prefix(1) + fraction + "e" + exponent
  }

  /// Digits d1 d2 … dk without leading or trailing zeros, and n, such that the value is
  /// 0.d1 d2 … dk × 10^n.
  private static func shortestDecimal(_ magnitude: Double) -> (digits: String, n: Int) {
    var digits: [UInt8] = []
    var pointPosition: Int?
    var exponent = 0
    let zero = UInt8(ascii: "0")
    let text = Array(magnitude.description.utf8)
    for (index, byte) in text.enumerated() {
      if byte == UInt8(ascii: ".") {
        pointPosition = digits.count
      } else if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
        break
      } else {
        digits.append(byte)
      }
    }
    let leadingZeros = digits.prefix { $0 == zero }.count
    let n = (pointPosition ?? digits.count) - leadingZeros + exponent
    digits.removeFirst(leadingZeros)
    while digits.last == zero { digits.removeLast() }
    return (String(decoding: digits, as: UTF8.self), n)
  }
}
