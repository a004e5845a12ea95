import BehaviorStore
import Foundation
import Testing

@Suite struct NaiveTimeTests {
  // Known answers: GNU date, `date -u -d "TEXT" +%s`.
  @Test(
    "known times",
    arguments: [
      ("1970-01-01 00:00:00", 0), ("2010-12-01 08:26:00", 1_291_191_960),
      ("2011-12-09 12:50:00", 1_323_435_000), ("2000-02-29 23:59:59", 951_868_799),
      ("1969-12-31 23:59:59", -1), ("0001-01-01 00:00:00", -62_135_596_800),
      ("9999-12-31 23:59:59", 253_402_300_799),
    ])
  func knownAnswers(text: String, seconds: Int64) {
    #expect(NaiveTime.seconds(of: text) == seconds)
    #expect(NaiveTime.text(of: seconds) == text)
  }

  @Test("every day of 600 years follows the day before, and is read back")
  func daysAreConsecutive() {
    let start: Int64 = -11_676_096_000  // 1600-01-01
    for day in 0..<Int64(219_146) {
      let seconds = start + day * 86_400 + 45_296
      let text = NaiveTime.text(of: seconds)
      guard text.hasSuffix(" 12:34:56"), NaiveTime.seconds(of: text) == seconds else {
        Issue.record("\(text) is not read back")
        return
      }
    }
    #expect(NaiveTime.text(of: start) == "1600-01-01 00:00:00")
  }

  @Test(
    "other forms and dates that do not exist are refused",
    arguments: [
      "", "2010-12-01", "2010-12-01 08:26", "2010-12-01T08:26:00", "2010-12-01 08:26:00Z",
      "2010-13-01 00:00:00", "2010-00-01 00:00:00", "2010-04-31 00:00:00", "2010-01-00 00:00:00",
      "1900-02-29 00:00:00", "2010-01-01 24:00:00", "2010-01-01 00:60:00", "2010-01-01 00:00:60",
      "0000-01-01 00:00:00", "+010-01-01 00:00:00", "2010-1 -01 00:00:00", "２010-01-01 00:00:0",
    ])
  func refused(text: String) {
    #expect(NaiveTime.seconds(of: text) == nil)
  }
}
