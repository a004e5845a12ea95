/// Numbers as people read them, the same in every locale.
package enum Format {
  /// A number with a fixed count of decimals, such as `0.0710`. Halves round away from zero;
  /// beyond 10^15 the shortest form is used.
  /// - Parameter places: decimals, 0...9.
  package static func decimal(_ value: Double, places: Int) -> String {
    precondition((0...9).contains(places), "a number has 0 to 9 decimals")
    guard value.isFinite else { return value.isNaN ? "n/a" : value < 0 ? "-inf" : "inf" }
    let factor = (0..<places).reduce(1.0) { power, _ in power * 10 }
    let scaled = (value.magnitude * factor).rounded()
    guard scaled < 1e15 else { return String(value) }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + padded }
    return sign + padded.dropLast(places) + "." + padded.suffix(places)
  }

  /// A whole number with groups of three: `396,337`.
  package static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(",") }
      result.append(digit)
    }
    return (value < 0 ? "-" : "") + result
  }

  /// A share in percent: `0.284` is `28 %`.
  package static func percent(_ fraction: Double, places: Int = 0) -> String {
    decimal(fraction * 100, places: places) + " %"
  }

  /// A size in decimal units with three significant digits at most: `980 B`, `1.5 MB`.
  package static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(count)
    var unit = 0
    while value.magnitude >= 999.5, unit < units.count - 1 {
      value /= 1_000
      unit += 1
    }
    let places = unit == 0 || value.magnitude >= 9.95 ? 0 : 1
    return decimal(value, places: places) + " " + units[unit]
  }

  /// A length of time in its two largest units: `0.8 s`, `12 s`, `3 min 20 s`, `2 h 05 min`.
  package static func duration(_ duration: Duration) -> String {
    let (whole, attoseconds) = duration.components
    let seconds = Double(whole) + Double(attoseconds) * 1e-18
    if seconds < 9.95 { return decimal(max(0, seconds), places: 1) + " s" }
    let rounded = Int(min(seconds, 1e15).rounded())
    if rounded < 60 { return "\(rounded) s" }
    if rounded < 3_600 { return "\(rounded / 60) min \(twoDigits(rounded % 60)) s" }
    if rounded < 86_400 { return "\(rounded / 3_600) h \(twoDigits(rounded / 60 % 60)) min" }
    return "\(rounded / 86_400) d \(twoDigits(rounded / 3_600 % 24)) h"
  }

  private static func twoDigits(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
