/// Calendar times without a zone, counted in seconds from 1970-01-01 00:00:00 with days of 86,400
/// seconds.
///
/// Logs carry the shop's local time without a zone; treating it as such keeps the order and the dates of the
/// original and asks no time zone data base. Daylight saving is not corrected.
package enum CalendarTime {
  /// Seconds in a day.
  package static let secondsPerDay: Int64 = 86_400
  /// 0001-01-01 00:00:00 up to 9999-12-31 23:59:59.
  package static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

  /// The count of a date and time of the proleptic Gregorian calendar.
  ///
  /// - Returns: nil if the year is not in 1 ... 9999, or another part is out of range; second 60 is.
  /// - Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
  package static func seconds(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
  ) -> Int64? {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1,
      day <= daysInMonth(year: year, month: month),
      (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
    else { return nil }
    let shifted = month > 2 ? year : year - 1
    let era = shifted / 400
    let yearOfEra = shifted % 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = Int64(era * 146_097 + dayOfEra - 719_468)
    return days * secondsPerDay + Int64(hour * 3600 + minute * 60 + second)
  }

  /// Reads `YYYY-MM-DD HH:MM:SS`, exactly so.
  ///
  /// - Returns: nil if `text` has another form or names no calendar time.
  package static func seconds(_ text: some StringProtocol) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 19 else { return nil }
    for (position, separator) in [(4, "-"), (7, "-"), (10, " "), (13, ":"), (16, ":")] {
      guard bytes[position] == separator.utf8.first else { return nil }
    }
    func number(_ range: Range<Int>) -> Int? {
      var value = 0
      for byte in bytes[range] {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      return value
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19)
    else { return nil }
    return seconds(
      year: year, month: month, day: day, hour: hour, minute: minute, second: second)
  }

  /// Writes `YYYY-MM-DD HH:MM:SS`.
  ///
  /// - Precondition: `seconds` lies in ``range``.
  /// - Source: Hinnant, `civil_from_days`.
  package static func text(_ seconds: Int64) -> String {
    precondition(range.contains(seconds), "a time of the years 1 to 9999")
    var days = seconds / secondsPerDay
    var rest = seconds % secondsPerDay
    if rest < 0 {
      days -= 1
      rest += secondsPerDay
    }
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func digits(_ value: Int64, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2)) "
      + "\(digits(rest / 3600, 2)):\(digits(rest / 60 % 60, 2)):\(digits(rest % 60, 2))"
  }

  /// The date of a time, `YYYY-MM-DD`; nil outside ``range``.
  package static func date(_ seconds: Int64) -> String? {
    range.contains(seconds) ? String(text(seconds).prefix(10)) : nil
  }

  /// The first second of a date, exactly `YYYY-MM-DD`; nil if `text` has another form or names no date.
  package static func seconds(ofDate text: some StringProtocol) -> Int64? {
    seconds("\(text) 00:00:00")
  }

  private static func daysInMonth(year: Int, month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
