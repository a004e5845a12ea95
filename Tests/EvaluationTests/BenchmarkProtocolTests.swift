import Datasets
import Evaluation
import Recommendation
import Testing

@Suite("BenchmarkProtocol")
struct BenchmarkProtocolTests {
  /// Two hundred customers with 3 to 22 of 300 items; times descend with the row, and repeat.
  private func made() throws -> InteractionDataset {
    var text = ""
    var row = 0
    for customer in 1...200 {
      for place in 0..<(3 + customer % 20) {
        let item = 1 + (customer * 37 + place * 53) % 300
        text += "\(customer)\t\(item)\t4\t\(1_000_000 - row / 2)\n"
        row += 1
      }
    }
    // The three hundred items all occur.
    for item in 1...300 { text += "999\t\(item)\t3\t\(item)\n" }
    return try DatasetImport.decode(
      Array(text.utf8), file: "made", format: .movieLens, name: "made")
  }

  @Test("P1 holds out the last row by time and then row number, and learns from all others")
  func leaveOneOut() throws {
    let dataset = try made()
    let problem = try BenchmarkProtocol.p1.problem(dataset)
    let tuning = try BenchmarkProtocol.p1.tuningProblem(dataset)
    #expect(problem.tasks[0].queries.count == 201)
    for (query, tuningQuery) in zip(problem.tasks[0].queries, tuning.tasks[0].queries) {
      let rows = dataset.events.enumerated().filter { $0.element.customer == query.customer }
        .sorted { ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset) }
        .map(\.element.item)
      #expect(query.targets == [rows[rows.count - 1]])
      #expect(query.masked == rows.dropLast().sorted())
      #expect(problem.histories[query.customer].rows.map(\.item) == rows.dropLast().sorted())
      #expect(tuningQuery.targets == [rows[rows.count - 2]])
      #expect(tuningQuery.masked == rows.dropLast(2).sorted())
    }
  }

  @Test("an item that comes again counts once, at its last row")
  func repeatedItem() throws {
    let dataset = try DatasetImport.decode(
      Array("1\t5\t1\t10\n1\t6\t1\t20\n1\t7\t1\t30\n1\t5\t1\t40\n".utf8), file: "t",
      format: .movieLens, name: "made")
    let query = try BenchmarkProtocol.p1.problem(dataset).tasks[0].queries[0]
    // Codes 5, 6, 7 are items 0, 1, 2.
    #expect(query.targets == [0])
    #expect(query.masked == [1, 2])
  }

  @Test("P2 ranks the target among 99 items the customer never had, drawn as specified")
  func negatives() throws {
    let dataset = try made()
    let full = try BenchmarkProtocol.p1.problem(dataset)
    let problem = try BenchmarkProtocol.p2.problem(dataset)
    for (query, fullQuery) in zip(problem.tasks[0].queries, full.tasks[0].queries) {
      #expect(query.targets == fullQuery.targets)
      let candidates = try #require(query.candidates)
      #expect(candidates == candidates.sorted())
      let seen = Set(query.masked + query.targets)
      let negatives = Set(candidates).subtracting(query.targets)
      #expect(negatives.isDisjoint(with: seen))
      #expect(negatives.count == min(99, 300 - seen.count))
      // The specification, once more and independently: seed 2026 * 1000003 + u, next() mod items.
      var state = UInt64(2_026 * 1_000_003 + query.customer)
      var expected: Set<Int> = []
      while expected.count < negatives.count {
        let item = Int(SplitMix64.next(&state) % 300)
        if !seen.contains(item) { expected.insert(item) }
      }
      #expect(negatives == expected)
    }
  }

  @Test("P3 shuffles by Fisher-Yates as specified and trains on floor(0.8 n + 0.5)")
  func randomSplit() throws {
    let dataset = try made()
    let problem = try BenchmarkProtocol.p3.problem(dataset)
    let whole = dataset.histories()
    #expect(problem.tasks[0].queries.count == 201)
    for query in problem.tasks[0].queries {
      let (train, test) = Self.split(
        whole[query.customer].rows.map(\.item), fraction: 0.8,
        seed: UInt64(2_026 * 1_000_003 + query.customer))
      #expect(query.targets == test)
      #expect(query.masked == train)
      #expect(problem.histories[query.customer].rows.map(\.item) == train)
    }
  }

  @Test("P3 is tuned inside the training part, 90/10, seed 7 * 1000003 + u")
  func tuning() throws {
    let dataset = try made()
    let problem = try BenchmarkProtocol.p3.problem(dataset)
    let tuning = try BenchmarkProtocol.p3.tuningProblem(dataset)
    for query in tuning.tasks[0].queries {
      let (train, test) = Self.split(
        problem.histories[query.customer].rows.map(\.item), fraction: 0.9,
        seed: UInt64(7 * 1_000_003 + query.customer))
      #expect(query.targets == test)
      #expect(query.masked == train)
    }
  }

  private static func split(
    _ items: [Int], fraction: Double, seed: UInt64
  ) -> (train: [Int], test: [Int]) {
    var state = seed
    var shuffled = items
    var a = items.count - 1
    while a >= 1 {
      let j = Int(SplitMix64.next(&state) % UInt64(a + 1))
      (shuffled[a], shuffled[j]) = (shuffled[j], shuffled[a])
      a -= 1
    }
    let count = Int((fraction * Double(items.count) + 0.5).rounded(.down))
    return (shuffled.prefix(count).sorted(), shuffled.dropFirst(count).sorted())
  }

  @Test("a data set in which no one has enough items is refused")
  func nothingToEvaluate() throws {
    let dataset = try DatasetImport.decode(
      Array("1\t5\t1\t10\n2\t6\t1\t20\n".utf8), file: "t", format: .movieLens, name: "made")
    #expect(
      throws: EvaluationError.nothingToEvaluate(
        protocolName: "p1", need: "three items of a customer")
    ) { try BenchmarkProtocol.p1.problem(dataset) }
    #expect(
      throws: EvaluationError.nothingToEvaluate(
        protocolName: "p3", need: "two items of a customer")
    ) { try BenchmarkProtocol.p3.problem(dataset) }
  }
}

/// SplitMix64 by its published reference (Steele, Lea, Flood 2014; Vigna's splitmix64.c).
enum SplitMix64 {
  static func next(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
