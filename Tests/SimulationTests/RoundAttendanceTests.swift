import Testing

@testable import Simulation

@Suite("Round attendance") struct RoundAttendanceTests {
  @Test("each device has its turn before any has a second one, in an order that a seed fixes")
  func turns() {
    var attendance = RoundAttendance(size: 4, of: 12, seed: 1)
    var again = RoundAttendance(size: 4, of: 12, seed: 1)
    var other = RoundAttendance(size: 4, of: 12, seed: 2)
    var turns: [[Set<Int>]] = []
    var others: [[Set<Int>]] = []
    for _ in 0..<5 {
      let turn = (0..<3).map { _ in attendance.next() }
      #expect(turn.allSatisfy { $0.count == 4 })
      #expect(turn.reduce(into: Set<Int>()) { $0.formUnion($1) } == Set(0..<12))
      #expect(turn == (0..<3).map { _ in again.next() })
      turns.append(turn)
      others.append((0..<3).map { _ in other.next() })
    }
    #expect(Set(turns).count == 5 && turns != others)
  }

  @Test("a round in which a turn ends is filled up from the next one, and has no device twice")
  func unevenTurns() {
    var attendance = RoundAttendance(size: 5, of: 7, seed: 3)
    var counts = [Int](repeating: 0, count: 7)
    for round in 1...70 {
      let present = attendance.next()
      #expect(present.count == 5)
      for device in present { counts[device] += 1 }
      #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "round \(round)")
    }
    var all = RoundAttendance(size: 7, of: 7, seed: 3)
    #expect(all.next() == Set(0..<7))
  }
}
