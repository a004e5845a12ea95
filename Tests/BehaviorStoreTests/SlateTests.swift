import BehaviorStore
import Testing

/// Shown slates with their propensities, and what came of them.
@Suite struct SlateTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  private func item(_ position: Int, _ item: String, _ propensity: Double = 0.25) -> ShownItem {
    ShownItem(
      position: position, item: item, propensity: propensity, components: #"{"gram":0.5}"#)
  }

  @Test("a slate reads back with its items and outcomes, newest first")
  func readsBack() throws {
    let first = try store.recordSlate(
      timeSeconds: 10, explorationPolicy: "greedy", items: [item(1, "A", 1)])
    let items = [item(1, "C", 0.1), item(2, "A", 1e-300), item(3, "B")]
    let second = try store.recordSlate(
      timeSeconds: 20, explorationPolicy: "plackett-luce 0.5", items: items)
    try store.recordOutcome(.clicked, item: "A", slate: second, atSeconds: 21)
    try store.recordOutcome(.bought, item: "A", slate: second, atSeconds: 22)
    try store.recordOutcome(.clicked, item: "A", slate: second, atSeconds: 23)
    try store.recordOutcome(.dismissed, item: "B", slate: second, atSeconds: 24)
    let slates = try store.slates(limit: 10)
    #expect(slates.map(\.id) == [second, first])
    #expect(slates.first?.items == items)
    #expect(slates.first?.explorationPolicy == "plackett-luce 0.5")
    #expect(slates.first?.outcomes == ["A": [.clicked, .bought], "B": [.dismissed]])
    #expect(slates.last?.outcomes.isEmpty == true)
    #expect(try store.slates(limit: 1).count == 1)
  }

  @Test("a slate that could not have been shown is refused and leaves nothing")
  func refused() throws {
    let wrong: [([ShownItem], String)] = [
      ([], "It shows no item"),
      ([item(2, "A")], "Its positions are not 1, 2, 3 and so on"),
      ([item(1, "A"), item(1, "B")], "Its positions are not 1, 2, 3 and so on"),
      ([item(1, "A"), item(2, "A")], "It shows an item twice"),
      ([item(1, "A", 0)], "A propensity is outside (0, 1]"),
      ([item(1, "A", 1.000_1)], "A propensity is outside (0, 1]"),
      ([item(1, "A", .nan)], "A propensity is outside (0, 1]"),
    ]
    for (items, reason) in wrong {
      #expect(throws: BehaviorStoreError.invalidSlate(reason: reason)) {
        try store.recordSlate(timeSeconds: 1, explorationPolicy: "p", items: items)
      }
    }
    #expect(try store.slates(limit: 10).isEmpty)
  }

  @Test("feedback needs a slate that was shown and an item that was in it")
  func unknownFeedback() throws {
    #expect(throws: BehaviorStoreError.unknownSlate(id: 9)) {
      try store.recordOutcome(.clicked, item: "A", slate: 9, atSeconds: 1)
    }
    let id = try store.recordSlate(
      timeSeconds: 1, explorationPolicy: "p", items: [item(1, "A")])
    #expect(throws: BehaviorStoreError.itemNotInSlate(id: id)) {
      try store.recordOutcome(.clicked, item: "B", slate: id, atSeconds: 1)
    }
  }
}
