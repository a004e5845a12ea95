import CanonicalJSON
import Glibc
import Testing
import VectorMath

@testable import Recommendation

@Suite struct GramModelTests {
  private func history(_ items: [Int]) -> CustomerHistory {
    CustomerHistory(rows: items.map { .init(item: $0, occasions: 1, lastSeconds: 0) })
  }

  private func parameters(head: [Int], itemCount: Int) throws -> ModelParameters {
    try ModelParameters(tensors: [
      "popularity": .init([Float](repeating: 0, count: itemCount)),
      "head": .init(head.map(Float.init)),
    ])
  }

  @Test("the triangle's places are a bijection, row by row")
  func triangleLayout() {
    for size in 0..<12 {
      let triangle = UpperTriangle(size: size)
      var expected = 0
      for row in 0..<size {
        for column in row..<size {
          #expect(triangle.index(row, column) == expected)
          expected += 1
        }
      }
      #expect(triangle.count == expected)
    }
  }

  @Test("an update is x x' of the unit row over the head, off the diagonal times sqrt 2")
  func updateIsOuterProduct() throws {
    let update = try GramModel().update(
      stage: 1, history: history([1, 2, 4, 8]),
      parameters: parameters(head: [1, 4, 5, 8], itemCount: 10), itemCount: 10)
    // Items 1, 4 and 8 are at places 0, 1 and 3 of the head; 2 is outside.
    let third = Float(1.0 / 3)
    let off = Float(2.0.squareRoot() / 3)
    let expected: [Float] = [third, off, 0, off, third, 0, off, 0, 0, third]
    #expect(zip(update, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(try Clipping.norm(update) - 1) < 1e-6)
  }

  @Test("a customer with no head item sends zero")
  func outsideTheHead() throws {
    let update = try GramModel().update(
      stage: 1, history: history([0, 9]), parameters: parameters(head: [1, 4], itemCount: 10),
      itemCount: 10)
    #expect(update == [0, 0, 0])
  }

  @Test("without noise and at full rank the learned score is ridge regression, x (G + c I)^-1 G")
  func noiselessScoreIsRidge() throws {
    let shop = try SyntheticShop(itemCount: 24, customers: 50, itemsEach: 5, seed: 5)
    let model = GramModel()
    let parameters = try shop.train(model)
    // Everything is in the head, so that places are items.
    #expect(parameters["head"]?.values == (0..<24).map(Float.init))
    var gram = DoubleMatrix(rows: 24, columns: 24)
    for history in shop.histories {
      let items = history.rows.map(\.item)
      for first in items {
        for second in items { gram[first, second] += 1 / Double(items.count) }
      }
    }
    var shifted = gram
    for item in 0..<24 { shifted[item, item] += 0.5 }
    let factor = try Cholesky.factor(of: shifted)
    let learned = try #require(try LearnedGram(parameters))
    for history in shop.histories.prefix(5) {
      var row = [Double](repeating: 0, count: 24)
      for entry in history.rows { row[entry.item] = 1 / Double(history.rows.count).squareRoot() }
      let expected = try Kernels.product(gram, Cholesky.solve(factor, row))
      // Float parameters: 24 products of values below 1.
      for (value, reference) in zip(learned.scores(history), expected) {
        #expect(abs(Double(value) - reference) < 1e-5)
      }
    }
  }

  @Test("the trust in an eigenvector is 0 up to the edge, 1 without noise, and 3/4 at theta 2")
  func trust() {
    #expect(EigenBasis.trust(eigenvalue: 1, edge: 1) == 0)
    #expect(EigenBasis.trust(eigenvalue: -5, edge: 1) == 0)
    #expect(EigenBasis.trust(eigenvalue: 0.1, edge: 0) == 1)
    // theta + 1 / theta = 2.5 at theta 2.
    #expect(abs(EigenBasis.trust(eigenvalue: 1.25, edge: 1) - 0.75) < 1e-12)
  }

  /// A triangle of a symmetric matrix with deviation sigma on the diagonal, sigma / sqrt 2 off it.
  private func noise(size: Int, sigma: Double, seed: UInt64) -> [Double] {
    var random = SeededRandom(seed: seed)
    return (0..<UpperTriangle(size: size).count).map { _ in
      let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &random))).squareRoot()
      return sigma * radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }
  }

  @Test("a planted direction is kept with the weight that its cosine deserves; noise is dropped")
  func plantedDirection() throws {
    let size = 200
    let sigma = 1.0
    let edge = sigma * Double(2 * size).squareRoot()
    // theta is the planted eigenvalue in units of half the edge.
    let planted = 2 * edge / 2
    var direction = [Double](repeating: 0, count: size)
    for index in 0..<size { direction[index] = (index.isMultiple(of: 3) ? 1 : -0.5) }
    let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
    direction = direction.map { $0 / length }
    var triangle = noise(size: size, sigma: sigma, seed: 7)
    let layout = UpperTriangle(size: size)
    for row in 0..<size {
      for column in row..<size {
        let scale = row == column ? 1 : 2.0.squareRoot()
        triangle[layout.index(row, column)] +=
          planted * direction[row] * direction[column] * scale
      }
    }
    // A cohort of 1 makes the ridge negligible.
    let basis = try EigenBasis(
      triangle: triangle, size: size, noiseStandardDeviation: sigma, cohort: 1, maximumRank: nil)
    let first = (0..<size).map { Double(basis.vectors[$0 * basis.rank]) }
    let weight = first.reduce(0) { $0 + $1 * $1 }
    let overlap = zip(first, direction).reduce(0) { $0 + $1.0 * $1.1 }
    let squaredCosine = overlap * overlap / weight
    // Expected 3/4; the fluctuation at m = 200 is about 0.03.
    #expect(abs(squaredCosine - 0.75) < 0.12)
    #expect(abs(weight - 0.75) < 0.12)
    // What noise pushes above the edge has next to no weight.
    #expect(basis.rank <= 3)
  }

  @Test("pure noise leaves parameters that score by popularity alone")
  func pureNoise() throws {
    let size = 100
    let basis = try EigenBasis(
      triangle: noise(size: size, sigma: 2, seed: 1), size: size, noiseStandardDeviation: 2,
      cohort: 1000, maximumRank: nil)
    let weight = basis.vectors.reduce(0) { $0 + $1 * $1 }
    #expect(basis.rank >= 1 && basis.rank <= 3)
    // Each vector at full weight would add 1.
    #expect(weight < 0.5)
    func small(_ triangle: [Double], sigma: Double) throws -> EigenBasis {
      try EigenBasis(
        triangle: triangle, size: 2, noiseStandardDeviation: sigma, cohort: 10, maximumRank: nil)
    }
    let silent = try small([0, 0, 0], sigma: 1)
    #expect(try small([-1, 0, -1], sigma: 0) == silent)
    #expect(silent.rank == 1 && silent.vectors == [0, 0])
  }

  @Test("head size and text weight follow from cohort and noise alone")
  func signalLevel() {
    func level(_ cohort: Int, _ sigma: Double) -> SignalLevel {
      SignalLevel(cohort: cohort, noiseStandardDeviation: sigma)
    }
    #expect(level(3613, 0.602).headSize == 620)
    #expect(level(943, 0.602).headSize == 317)
    #expect(level(943, 1.994).headSize == 174)
    #expect(level(2, 3.7).headSize == Head.smallest)
    #expect(level(1_000_000, 0.6).headSize == Head.largest)
    #expect(level(10, 0).headSize == Head.largest)
    #expect(level(400, 1).textWeight == 4)
    #expect(level(1, 1).textWeight == 10)
    #expect(level(1_000_000, 1).textWeight == 1)
    #expect(level(10, 0).textWeight == 1)
  }

  @Test("the largest head keeps an update below 201,000 values")
  func largestUpdate() {
    #expect(UpperTriangle(size: Head.largest).count == 200_028)
  }

  @Test("the head is the most popular items; its size uses the noise of the whole budget")
  func headFromPopularity() throws {
    let shop = try SyntheticShop(itemCount: 200, customers: 4, itemsEach: 3, seed: 2)
    let model = GramModel()
    let initial = try model.initialParameters(catalogue: shop.catalogue)
    var sum = [Double](repeating: 0, count: 200)
    for item in 100..<164 { sum[item] = Double(item) }
    // n = 64 and a stage deviation of sqrt 10 is 1 for the whole budget: 8 sqrt 64 = 64.
    let parameters = try model.advance(
      stage: 0, noisedSum: sum,
      context: StageContext(
        noiseStandardDeviation: 10.0.squareRoot(), targetCohort: 64, contributorCount: 4),
      parameters: initial, itemCount: 200)
    #expect(parameters["head"]?.values == (100..<164).map(Float.init))
    #expect(
      try model.updateDimension(stage: 1, parameters: parameters, itemCount: 200) == 64 * 65 / 2)
  }

  @Test("hyperparameters override both sizes")
  func overrides() throws {
    let shop = try SyntheticShop(itemCount: 40, customers: 30, itemsEach: 5, seed: 4)
    let model = try GramModel(
      hyperparameters: .object(["head": .integer(12), "rank": .integer(3)]))
    #expect(try shop.train(model)["vectors"]?.shape == [12, 3])
  }

  @Test(
    "head places that are not ascending places of the catalogue are refused",
    arguments: [([2, 1], 1), ([1, 1], 1), ([-1, 2], 0), ([1, 10], 1)])
  func invalidHead(head: [Int], index: Int) throws {
    #expect(throws: RecommendationError.invalidHead(index: index)) {
      try GramModel().update(
        stage: 1, history: .empty, parameters: parameters(head: head, itemCount: 10),
        itemCount: 10)
    }
  }

  @Test("a head larger than any model makes is refused before its triangle is allocated")
  func hugeHead() throws {
    let parameters = try parameters(head: Array(0..<1025), itemCount: 2000)
    #expect(throws: RecommendationError.tooLarge(what: "head", actual: 1025, limit: 1024)) {
      try GramModel().updateDimension(stage: 1, parameters: parameters, itemCount: 2000)
    }
  }

  @Test("vectors of another shape than the head's are refused")
  func vectorsMustFit() throws {
    var tensors = try parameters(head: [1, 2], itemCount: 5).tensors
    tensors["vectors"] = .init(shape: [3, 1], values: [1, 2, 3])
    #expect(
      throws: RecommendationError.shapeMismatch(
        name: "vectors", expected: [2, 1], actual: [3, 1])
    ) {
      try GramModel().scores(
        history: .empty, parameters: ModelParameters(tensors: tensors), features: nil)
    }
  }
}
