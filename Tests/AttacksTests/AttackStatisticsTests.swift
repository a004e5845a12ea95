import Testing

@testable import Attacks

@Suite struct AttackStatisticsTests {
  @Test("the interval is Student's: 1, 2, 3, 4, 5 give 3 ± 1.963")
  func interval() {
    let interval = MeanInterval([1, 2, 3, 4, 5])
    #expect(interval.mean == 3)
    #expect(abs(interval.halfWidth - 1.9634) < 2e-3)
    #expect(MeanInterval([7]).halfWidth == 0)
    // 200 values of deviation 1: the 0.975 quantile of 199 degrees is 1.97196.
    let many = MeanInterval((0..<200).map { $0 % 2 == 0 ? 1 : -1 })
    #expect(abs(many.halfWidth - 1.97196 * (200.0 / 199).squareRoot() / 200.0.squareRoot()) < 1e-4)
  }

  @Test("the area counts pairs, ties half")
  func area() {
    #expect(ROCArea.of(members: [2, 3], nonMembers: [0, 1]) == 1)
    #expect(ROCArea.of(members: [0, 1], nonMembers: [2, 3]) == 0)
    #expect(ROCArea.of(members: [1, 1], nonMembers: [1, 1, 1]) == 0.5)
    #expect(ROCArea.of(members: [1, 3], nonMembers: [1, 2]) == 0.625)
  }

  @Test("a matrix of rank 1 gives back its vector, up to the sign that its errors tell")
  func inversion() {
    let vector = [0.6, -0.8, 0]
    let errors = [-1.0, 0.2, 0.1, 0.3, -0.9]
    let gradient = errors.flatMap { error in vector.map { $0 * error } }
    let found = InversionAttack.invert(gradient, rows: 5, towards: [1, 0, 0])
    #expect(abs(InversionAttack.cosine(found.vector, vector) - 1) < 1e-9)
    #expect(InversionAttack.recall(found.errors.map { -$0 }, truth: [0, 4]) == 1)
  }
}
