import BehaviorStore
import Cryptography
import Testing

/// A device's draw for an experiment, and what it counts of the slates.
@Suite("Experiments on the device") struct ExperimentTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test("a device draws the same for as long as it has its key, and other experiments anew")
  func sticky() throws {
    let key = testKey()
    let store = try BehaviorStore.create(directory: directory.path + "/device", key: key)
    let draw = try store.experimentDraw("button")
    #expect(try store.experimentDraw("button") == draw)
    #expect(try store.experimentDraw("butto") != draw)
    try store.close()
    let again = try BehaviorStore.open(directory: directory.path + "/device", key: key)
    #expect(try again.experimentDraw("button") == draw)
    #expect(try StoreKey(identity: SigningKey()).experimentDraw("button") != draw)
  }

  // Five standard deviations: below 1e-6 a run, for keys of the system's generator.
  @Test("fresh keys draw uniformly, and independently for two experiments")
  func uniform() throws {
    let count = 4_000
    var below = [0, 0, 0]
    for _ in 0..<count {
      let key = try StoreKey(identity: SigningKey())
      let (first, second) = (try key.experimentDraw("a"), try key.experimentDraw("b"))
      if first < .max / 2 { below[0] += 1 }
      if second < .max / 2 { below[1] += 1 }
      if (first < .max / 2) == (second < .max / 2) { below[2] += 1 }
    }
    let deviation = (Double(count) / 4).squareRoot()
    for half in below { #expect(abs(Double(half) - Double(count) / 2) < 5 * deviation) }
  }

  @Test("only the slates of the arm count, an item once a slate, and nothing that was forgotten")
  func counts() throws {
    let store = try BehaviorStore.create(
      directory: directory.path + "/device", key: testKey())
    func show(_ items: [String], at seconds: Int64, _ mark: String?) throws -> Int64 {
      try store.recordSlate(
        timeSeconds: seconds, explorationPolicy: "greedy",
        items: items.enumerated().map {
          ShownItem(position: $0 + 1, item: $1, propensity: 1, components: "{}")
        }, experiment: mark)
    }
    #expect(try store.experimentCounts(mark: "button/a") == [0, 0, 0])
    let first = try show(["A", "B", "C"], at: 10, "button/a")
    let second = try show(["A", "D"], at: 20, "button/a")
    let other = try show(["A", "B"], at: 30, "button/b")
    let unmarked = try show(["A"], at: 40, nil)
    for outcome in [SlateOutcome.clicked, .bought] {
      try store.recordOutcome(outcome, item: "A", slate: first, atSeconds: 50)
    }
    try store.recordOutcome(.clicked, item: "D", slate: second, atSeconds: 50)
    try store.recordOutcome(.dismissed, item: "A", slate: second, atSeconds: 50)
    try store.recordOutcome(.bought, item: "B", slate: other, atSeconds: 50)
    try store.recordOutcome(.clicked, item: "A", slate: unmarked, atSeconds: 50)
    #expect(try store.experimentCounts(mark: "button/a") == [5, 2, 1])
    #expect(try store.experimentCounts(mark: "button/b") == [2, 1, 1])
    try store.forgetInterest(
      tag: "d", items: ["D", "C"], at: RetentionClock(utcSeconds: 60, localSeconds: 60))
    #expect(try store.experimentCounts(mark: "button/a") == [3, 1, 1])
    _ = try show(["D"], at: 70, "button/a")
    #expect(try store.experimentCounts(mark: "button/a") == [4, 1, 1])
  }
}
