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

  /// The residual row by the model's description, over these places of a head of equal popularity.
  private func flatResidual(_ places: [Int], size: Int) -> [Double] {
    let mean = Double(places.count) / Double(size)
    let row = (0..<size).map { (places.contains($0) ? 1 : 0) - mean }
    let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return row.map { $0 / norm }
  }

  @Test(
    "an update is y y' of the row over the core without its popularity, off the diagonal times sqrt 2"
  )
  func updateIsOuterProduct() throws {
    let update = try GramModel().update(
      stage: 1, history: history([1, 2, 4, 8]),
      parameters: parameters(head: [1, 4, 5, 8], itemCount: 10), itemCount: 10)
    // Items 1, 4 and 8 are at places 0, 1 and 3 of the head; 2 is outside.
    let row = flatResidual([0, 1, 3], size: 4)
    var expected: [Double] = []
    for first in 0..<4 {
      for second in first..<4 {
        expected.append(row[first] * row[second] * (first == second ? 1 : 2.0.squareRoot()))
      }
    }
    #expect(update.count == 10)
    #expect(zip(update, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 })
    #expect(abs(try Clipping.norm(update) - 1) < 1e-6)
  }

  @Test("a refinement is the row over the wide head times the unit profile: norm 1")
  func refinementIsOuterProduct() throws {
    // Core items 0 and 1, wide head all of 6; the popularity makes them so.
    let popularity: [Float] = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    let half = Float(0.5.squareRoot())
    let parameters = try ModelParameters(tensors: [
      "popularity": .init(popularity), "head": .init([0, 1]),
      "vectors": .init(shape: [2, 1], values: [half, -half]), "eigenvalues": .init([3]),
      "wide_head": .init([6]),
    ])
    let model = GramModel()
    #expect(try model.updateDimension(stage: 2, parameters: parameters, itemCount: 6) == 6)
    let update = try model.update(
      stage: 2, history: history([1, 3]), parameters: parameters, itemCount: 6)
    // Item 1 alone in the core points against the vector: a profile of -1.
    let expected = flatResidual([1, 3], size: 6).map { -$0 }
    #expect(zip(update, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 })
    // Nothing in the core, or all of it: no direction of taste.
    for items in [[3], [0, 1], []] {
      let silent = try model.update(
        stage: 2, history: history(items), parameters: parameters, itemCount: 6)
      #expect(silent == [Float](repeating: 0, count: 6))
    }
  }

  @Test("a core that is not of the most popular items, or of too many directions, is refused")
  func refinementParametersMustFit() throws {
    func dimension(head: [Int], rank: Int, wide: Float = 8) throws -> Int {
      var popularity = [Float](repeating: 0, count: 20)
      for item in 0..<8 { popularity[item] = 1 }
      return try GramModel().updateDimension(
        stage: 2,
        parameters: try ModelParameters(tensors: [
          "popularity": .init(popularity), "head": .init(head.map(Float.init)),
          "vectors": .init(
            shape: [head.count, rank],
            values: [Float](repeating: 0, count: head.count * rank)),
          "eigenvalues": .init([Float](repeating: 1, count: rank)), "wide_head": .init([wide]),
        ]), itemCount: 20)
    }
    #expect(try dimension(head: [0, 1], rank: 2) == 16)
    #expect(try dimension(head: [0, 1], rank: 2, wide: 3) == 6)
    #expect(throws: RecommendationError.tooLarge(what: "wide_head", actual: 4097, limit: 4096)) {
      try dimension(head: [0, 1], rank: 2, wide: 4097)
    }
    for wide: Float in [1, 0, -3, 7.5, 1e30, -1e30] {
      #expect(throws: RecommendationError.invalidHead(index: 1)) {
        try dimension(head: [0, 1], rank: 2, wide: wide)
      }
    }
    #expect(throws: RecommendationError.invalidHead(index: 1)) {
      try dimension(head: [0, 19], rank: 2)
    }
    #expect(throws: RecommendationError.tooLarge(what: "eigenvalues", actual: 129, limit: 128)) {
      try dimension(head: [0, 1], rank: 129)
    }
  }

  @Test("a customer with no head item sends zero")
  func outsideTheHead() throws {
    let update = try GramModel().update(
      stage: 1, history: history([0, 9]), parameters: parameters(head: [1, 4], itemCount: 10),
      itemCount: 10)
    #expect(update == [0, 0, 0])
  }

  @Test("the direction of popularity has norm 1, and residual rows have none of it")
  func popularityDirection() throws {
    let popularity: [Float] = [0.5, 0.25, -0.1, 0.1]
    let head = Head(popularity: popularity, count: 4)
    let direction = PopularityDirection(popularity: popularity, head: head)
    let raised = [1, 0.5, 0.01, 0.2].map { pow($0, 0.6) }
    let norm = raised.reduce(0) { $0 + $1 * $1 }.squareRoot()
    // The popularity is of Float.
    #expect(zip(direction.values, raised).allSatisfy { abs($0 - $1 / norm) < 1e-7 })
    let row = try #require(direction.residual(places: [0, 3]))
    #expect(abs(zip(row, direction.values).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-12)
    #expect(abs(row.reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
    #expect(direction.residual(places: []) == nil)
    // One item alone: its row is the direction.
    let single = Head(popularity: [1], count: 1)
    #expect(PopularityDirection(popularity: [1], head: single).residual(places: [0]) == nil)
    // Where noise left nothing above zero all items count alike.
    #expect(
      PopularityDirection(popularity: [-1, 0], head: Head(popularity: [-1, 0], count: 2))
        .values.allSatisfy { abs($0 - 0.5.squareRoot()) < 1e-12 })
  }

  private func triangle(of matrix: DoubleMatrix) -> [Double] {
    (0..<matrix.rows).flatMap { row in
      (row..<matrix.rows).map { matrix[row, $0] * (row == $0 ? 1 : 2.0.squareRoot()) }
    }
  }

  @Test("without noise a full image gives the eigenvectors and ridge weights of the matrix itself")
  func noiselessRefinement() throws {
    let size = 6
    var random = SeededRandom(seed: 3)
    var factor = DoubleMatrix(rows: 9, columns: size)
    for index in factor.storage.indices {
      factor.storage[index] = Double.random(in: -1...1, using: &random)
    }
    let gram = Kernels.gram(of: factor)
    let spectrum = try NoisedSpectrum(
      triangle: triangle(of: gram), size: size, noiseStandardDeviation: 0, rank: nil)
    #expect(spectrum.rank == size)
    // The image is twice as large as the Gram matrix says.
    var image = Kernels.product(gram, spectrum.vectors)
    for index in image.storage.indices { image.storage[index] *= 2 }
    let refined = try RefinedSpectrum(
      directions: spectrum.vectors, eigenvalues: spectrum.eigenvalues, gramShare: 0.45,
      image: image, imageShare: 0.4, corePlaces: Array(0..<size), noiseStandardDeviation: 0,
      ridge: 0.5)
    for (weight, value) in zip(refined.weights, spectrum.eigenvalues) {
      #expect(abs(weight - value / (value + 0.5)) < 1e-9)
    }
    // V W V' is (G + c I)^-1 G, whatever the signs of V.
    var shifted = gram
    for index in 0..<size { shifted[index, index] += 0.5 }
    let cholesky = try Cholesky.factor(of: shifted)
    for column in 0..<size {
      let expected = try Cholesky.solve(cholesky, (0..<size).map { gram[$0, column] })
      for row in 0..<size {
        let value = refined.weights.indices.reduce(0.0) {
          $0 + refined.vectors[row, $1] * refined.weights[$1] * refined.vectors[column, $1]
        }
        #expect(abs(value - expected[row]) < 1e-9)
      }
    }
  }

  @Test("pure noise in the image has next to no weight")
  func noisyRefinement() throws {
    let size = 40
    let wide = 160
    let sigma = 2.0
    let spectrum = try NoisedSpectrum(
      triangle: noiseTriangle(size: size, sigma: sigma / 0.45.squareRoot(), seed: 5), size: size,
      noiseStandardDeviation: sigma / 0.45.squareRoot(), rank: nil)
    #expect((3...5).contains(spectrum.rank))
    var image = DoubleMatrix(rows: wide, columns: spectrum.rank)
    let values = noiseTriangle(size: 60, sigma: sigma / 0.4.squareRoot(), seed: 6)
    for index in image.storage.indices { image.storage[index] = values[index] }
    let refined = try RefinedSpectrum(
      directions: spectrum.vectors, eigenvalues: spectrum.eigenvalues, gramShare: 0.45,
      image: image, imageShare: 0.4, corePlaces: Array(0..<size), noiseStandardDeviation: sigma,
      ridge: 1)
    // A column of noise has a squared length within 30 % of its expectation: weights below 0.5.
    #expect(refined.weights.allSatisfy { $0 < 0.5 })
  }

  @Test("the trust in an eigenvector is 0 up to the edge, 1 without noise, and 3/4 at theta 2")
  func trust() {
    func trust(_ noised: Double, edge: Double) -> Double {
      NoisedSpectrum.trust(
        eigenvalue: NoisedSpectrum.withoutNoise(eigenvalue: noised, edge: edge), edge: edge)
    }
    #expect(trust(1, edge: 1) == 0)
    #expect(trust(-5, edge: 1) == 0)
    #expect(trust(0.1, edge: 0) == 1)
    // theta + 1 / theta = 2.5 at theta 2.
    #expect(abs(trust(1.25, edge: 1) - 0.75) < 1e-12)
    #expect(abs(NoisedSpectrum.withoutNoise(eigenvalue: 1.25, edge: 1) - 1) < 1e-12)
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
    var triangle = noiseTriangle(size: size, sigma: sigma, seed: 7)
    let layout = UpperTriangle(size: size)
    for row in 0..<size {
      for column in row..<size {
        let scale = row == column ? 1 : 2.0.squareRoot()
        triangle[layout.index(row, column)] +=
          planted * direction[row] * direction[column] * scale
      }
    }
    let spectrum = try NoisedSpectrum(
      triangle: triangle, size: size, noiseStandardDeviation: sigma, rank: nil)
    let overlap = direction.indices.reduce(0.0) {
      $0 + direction[$1] * spectrum.vectors[$1, 0]
    }
    // Expected 3/4; the fluctuation at m = 200 is about 0.03.
    #expect(abs(overlap * overlap - 0.75) < 0.12)
    #expect(
      abs(NoisedSpectrum.trust(eigenvalue: spectrum.eigenvalues[0], edge: edge) - 0.75) < 0.12)
    #expect(abs(spectrum.eigenvalues[0] - planted) < 0.15 * planted)
    // What noise pushes above the edge has next to no weight.
    #expect(spectrum.rank <= 4)
    #expect(
      spectrum.eigenvalues.dropFirst().allSatisfy {
        NoisedSpectrum.trust(eigenvalue: $0, edge: edge) < 0.5
      })
  }

  @Test("a Gram matrix of nothing gives eigenvalues of zero, and a model that scores by popularity")
  func silence() throws {
    func small(_ triangle: [Double], sigma: Double) throws -> NoisedSpectrum {
      try NoisedSpectrum(triangle: triangle, size: 2, noiseStandardDeviation: sigma, rank: nil)
    }
    #expect(try small([0, 0, 0], sigma: 1).eigenvalues == [0, 0])
    #expect(try small([-1, 0, -1], sigma: 0).eigenvalues == [0, 0])
    let shop = try SyntheticShop(itemCount: 30, customers: 0, itemsEach: 1, seed: 1)
    let model = GramModel()
    var parameters = try model.initialParameters(catalogue: shop.catalogue)
    for stage in 0..<3 {
      let dimension = try model.updateDimension(
        stage: stage, parameters: parameters, itemCount: 30)
      parameters = try model.advance(
        stage: stage, noisedSum: [Double](repeating: 0, count: dimension),
        context: StageContext(
          noiseStandardDeviation: 1, targetCohort: 10, contributorCount: 0, features: nil),
        parameters: parameters, itemCount: 30)
    }
    #expect(parameters["weights"]?.values == [0])
    let scores = try model.scores(history: history([1]), parameters: parameters, features: nil)
    #expect(scores.totals.allSatisfy { $0.isFinite })
  }

  @Test("head sizes and text weight follow from cohort, noise and catalogue alone")
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
    #expect(level(3613, 0.602).coreSize == 310)
    #expect(level(10, 0).coreSize == Head.largest)
    // 0.28 sqrt(items n / sigma), from the core to four of the largest cores.
    #expect(level(400, 1).wideSize(core: 80, itemCount: 1600) == 224)
    #expect(level(100, 1).wideSize(core: 64, itemCount: 16) == 64)
    #expect(level(10, 0).wideSize(core: 632, itemCount: 16) == 2528)
    // 1.3 alignment sqrt(items sigma / n).
    #expect(level(400, 1).textWeight(itemCount: 1600, alignment: 0.5) == 1.3)
    #expect(level(1, 1).textWeight(itemCount: 1600, alignment: 0.5) == 5.85)
    #expect(level(1_000_000, 1).textWeight(itemCount: 1600, alignment: 0.5) == 0.65)
    #expect(level(10, 0).textWeight(itemCount: 1600, alignment: 1) == 1.3)
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
    for item in 100..<180 { sum[item] = Double(item) }
    // n = 400 and a stage deviation of 1 / sqrt 0.15 is 1 for the whole budget: 4 sqrt 400 = 80.
    let parameters = try model.advance(
      stage: 0, noisedSum: sum,
      context: StageContext(
        noiseStandardDeviation: 1 / 0.15.squareRoot(), targetCohort: 400, contributorCount: 4,
        features: nil),
      parameters: initial, itemCount: 200)
    #expect(parameters["head"]?.values == (100..<180).map(Float.init))
    #expect(
      try model.updateDimension(stage: 1, parameters: parameters, itemCount: 200) == 80 * 81 / 2)
  }

  @Test("hyperparameters override both sizes")
  func overrides() throws {
    let shop = try SyntheticShop(itemCount: 40, customers: 30, itemsEach: 5, seed: 4)
    let model = try GramModel(
      hyperparameters: .object(["head": .integer(8), "rank": .integer(3)]))
    #expect(try shop.train(model)["vectors"]?.shape == [32, 3])
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
