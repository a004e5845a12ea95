import Foundation
import Recommendation
import Testing

@Suite("Times without a zone")
struct CalendarTimeTests {
  @Test(
    "known times (date -u -d TIME +%s)",
    arguments: [
      ("1970-01-01 00:00:00", 0), ("2010-12-01 08:26:00", 1_291_191_960),
      ("2011-10-01 00:00:00", 1_317_427_200), ("2000-02-29 23:59:59", 951_868_799),
      ("2100-03-01 00:00:00", 4_107_542_400), ("1969-12-31 23:59:59", -1),
      ("0001-01-01 00:00:00", -62_135_596_800), ("9999-12-31 23:59:59", 253_402_300_799),
    ])
  func knownTimes(text: String, seconds: Int64) {
    #expect(CalendarTime.seconds(text) == seconds)
    #expect(CalendarTime.text(seconds) == text)
    #expect(CalendarTime.date(seconds) == String(text.prefix(10)))
    let midnight = CalendarTime.seconds(ofDate: text.prefix(10))
    #expect(midnight.map { (0..<CalendarTime.secondsPerDay).contains(seconds - $0) } == true)
  }

  @Test("every day of 800 years agrees with Foundation's Gregorian calendar")
  func agreesWithFoundation() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    // 97 is prime to 7, 12 and 365, so months, leap days and centuries are all met.
    for day in stride(from: Int64(0), to: 292_194, by: 97) {
      let seconds = day * CalendarTime.secondsPerDay - 3_000_000_000 + 3_601
      let parts = calendar.dateComponents(
        [.year, .month, .day, .hour, .minute, .second],
        from: Date(timeIntervalSince1970: Double(seconds)))
      let expected = String(
        format: "%04d-%02d-%02d %02d:%02d:%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0,
        parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
      #expect(CalendarTime.text(seconds) == expected)
      #expect(CalendarTime.seconds(expected) == seconds)
    }
  }

  @Test("what is outside of the years 1 to 9999 has no date")
  func outside() {
    #expect(CalendarTime.date(CalendarTime.range.lowerBound - 1) == nil)
    #expect(CalendarTime.date(CalendarTime.range.upperBound + 1) == nil)
    #expect(CalendarTime.date(.max) == nil)
  }

  @Test(
    "what is no time is refused",
    arguments: [
      "", "2011-10-01", "2011-10-01T00:00:00", "2011-02-29 00:00:00", "2011-13-01 00:00:00",
      "2011-00-01 00:00:00", "2011-04-31 00:00:00", "2011-10-01 24:00:00", "2011-10-01 00:60:00",
      "2011-10-01 00:00:60", "2011-10-01 00:00:0a", "+011-10-01 00:00:00", "2100-02-29 00:00:00",
      "0000-01-01 00:00:00", "2010-01-00 00:00:00", "2010-12-01 08:26:00Z", "2010-1 -01 00:00:00",
      "２010-01-01 00:00:0",
    ])
  func refused(text: String) {
    #expect(CalendarTime.seconds(text) == nil)
    #expect(CalendarTime.seconds(ofDate: text + " ") == nil)
  }
}
