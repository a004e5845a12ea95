/// Local wall time without a zone, as shops write it: `YYYY-MM-DD HH:MM:SS`.
///
/// The number of seconds counts from 1970-01-01 00:00:00 of the same clock, as if it were UTC, so
/// the order and the differences are those of the text; daylight saving is not corrected.
package enum NaiveTime {
  /// Seconds of 0001-01-01 00:00:00 up to 9999-12-31 23:59:59.
  package static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

  private static let textBytes = 19
  private static let secondsPerDay: Int64 = 86_400

  /// - Returns: the seconds of `text`, or nil unless it is exactly `YYYY-MM-DD HH:MM:SS` with a
  ///   date of the proleptic Gregorian calendar. Second 60 is refused.
  package static func seconds(of text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == textBytes, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: " "), bytes[13] == UInt8(ascii: ":"),
      bytes[16] == UInt8(ascii: ":"),
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]),
      let minute = number(bytes[14..<16]), let second = number(bytes[17..<19])
    else { return nil }
    guard year >= 1, (1...12).contains(month), (1...daysInMonth(month, year: year)).contains(day),
      hour < 24, minute < 60, second < 60
    else { return nil }
    let days = daysSinceEpoch(year: year, month: month, day: day)
    return days * secondsPerDay + hour * 3_600 + minute * 60 + second
  }

  /// The text of `seconds`, which must lie in `range`.
  package static func text(of seconds: Int64) -> String {
    precondition(range.contains(seconds), "the time has no four-digit year")
    var days = seconds / secondsPerDay
    var rest = seconds % secondsPerDay
    if rest < 0 {
      rest += secondsPerDay
      days -= 1
    }
    let (year, month, day) = civilDate(daysSinceEpoch: days)
    return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + " "
      + padded(rest / 3_600, 2) + ":" + padded(rest / 60 % 60, 2) + ":" + padded(rest % 60, 2)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    return value
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // Source: Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. Eras of 400
  // years that start on 1 March make the leap day the last day of its year.
  private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = shiftedYear / 400
    let yearOfEra = shiftedYear % 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func civilDate(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSinceEpoch + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
