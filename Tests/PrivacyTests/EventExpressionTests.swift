import Testing

@testable import Privacy

@Suite struct EventExpressionTests {
  @Test(
    "an event reads back from its own spelling",
    arguments: [
      "G:1.0", "G:0.0", "L:10.0", "DG:0.5:1", "DL:0.1:5", "SK:0.25:10.0:1.0:1.0", "RR:0.9:10",
      "ED:1.0:1e-06", "ED:inf:0.0", "Z:0.5", "Z:0.5:0.1", "MF:2.0:3.5", "TR:16.0:100+200+50",
      "PG:0.01:1.0*1000", "PG:0.01:1.0*100;PG:0.02:1.2*100", "TPG:0.01:120:10000:1.0*7",
      "WG:1000:10:0.8*100", "WL:1000:10:0.8", "P:0.5(PG:0.1:2.0)", "P:0.1(G:1.0;G:2.0)",
      "(G:1.0*2)*3", "(G:1.0;L:2.0)*3", "G:1.0;(G:2.0;G:3.0);L:1.0", "()", "()*4", "PDL:0.1:0.1:5",
      "P:0.25(G:3.0*4)", "PED:0.1:1.0:1e-06", "W:10:5(G:1.0;G:1.0)", "TPDG:0.5:3:9:4.0:2",
    ])
  func roundTrips(text: String) throws {
    let event = try DPEvent(text)
    #expect(event.description == text)
    #expect(try DPEvent(event.description) == event)
  }

  @Test("spaces, powers of ten, single parentheses and a sampler around one word mean the same")
  func spellings() throws {
    #expect(try DPEvent(" PG : 1e-2 : 1.0 * 1e3 ; L:10 ") == DPEvent("PG:0.01:1.0*1000;L:10.0"))
    #expect(try DPEvent("P:0.01(G:1)") == DPEvent("PG:0.01:1.0"))
    #expect(try DPEvent("(((G:1)))") == DPEvent("G:1.0"))
    #expect(try DPEvent("TR:1:1e+2+7") == DPEvent("TR:1.0:100+7"))
  }

  @Test("every fault is reported at the byte where it stands")
  func faults() {
    let faults: [(String, Int, String)] = [
      ("", 0, "expected an event"), ("X:1", 0, "no event is called X"),
      ("G", 1, "noise multiplier"),
      ("G:", 2, "a number"), ("G:1;", 4, "expected an event"),
      ("G:1*", 4, "a number for the count"),
      ("G:1*2.5", 4, "no whole number"), ("G:1 L:2", 4, "or the end"), ("G:nan", 2, "a number"),
      ("L:1;G:-1", 4, "noise multiplier of a Gaussian is -1.0"), ("PG:1.5:1", 0, "rate"),
      ("P:0.1", 5, "what is sampled"), ("P:0.1(G:1", 9, "\")\""),
      ("DG:1:0.5", 5, "no whole number"),
      ("G:?;L:?", 6, "only one"), ("ED:1:?", 5, "cannot be calibrated"), ("PRR:1:1:1", 0, "PRR"),
      ("P:0.1(RR:0.5:2)", 0, "one mechanism"), ("P:0.1(MF:1:1)", 0, "correlated"),
      ("P:0.1(G:1;L:1)", 0, "share one batch"), ("G:1*1e10", 4, "count"), ("G:é", 2, "a number"),
      ("W:10:11(G:1)", 0, "sample size"), ("(G:1*1e6)*1e6", 10, "total count"),
      (String(repeating: "(", count: 1000), 17, "parentheses deep"), ("G:1e999", 0, "inf"),
    ]
    for (text, offset, reason) in faults {
      do {
        let event = try DPEvent(text)
        Issue.record("\(text) was read as \(event)")
      } catch {
        guard case .malformedEvents(let found, let message) = error else {
          Issue.record("\(text): \(error)")
          continue
        }
        #expect(found == offset, "\(text): \(error)")
        #expect(message.contains(reason), "\(text): \(error)")
      }
    }
  }

  @Test("one parameter may be free, and takes its value later")
  func freeParameter() throws {
    let roles: [(String, String, FreeParameter.Role)] = [
      ("G:?", "G:2.0", .noise), ("PG:?:1.0", "PG:2.0:1.0", .rate),
      ("PG:0.1:?*5", "PG:0.1:2.0*5", .noise),
      ("PG:0.1:1.0*?", "PG:0.1:1.0*2", .count), ("ED:?:0.0", "ED:2.0:0.0", .loss),
      ("L:1.0;(G:3.0;PL:0.1:?)*2", "L:1.0;(G:3.0;PL:0.1:2.0)*2", .noise),
    ]
    for (text, filled, role) in roles {
      let expression = try EventExpression(text)
      #expect(expression.freeParameter?.role == role)
      if role == .rate {
        #expect(throws: PrivacyError.self) { try expression.event(freeParameter: 2) }
      } else {
        #expect(try expression.event(freeParameter: 2).description == filled)
      }
      #expect(throws: PrivacyError.self) { try expression.event() }
    }
    #expect(try EventExpression("G:1").freeParameter == nil)
  }

  @Test("random bytes are read or refused, never a trap")
  func randomText() {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("GPLDTWRSMFEZ:;*()?.0123456789e-+ inf\u{e9}".unicodeScalars)
    for _ in 0..<20_000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...24, using: &generator) {
        text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
      }
      guard let event = try? DPEvent(String(text)) else { continue }  // refusal is an answer
      #expect((try? DPEvent(event.description)) == event, "\(text)")
    }
  }
}
