internal import BehaviorStore

/// Behaviour stores, opened when they are used and closed when others need the room, so that one
/// process can host thousands of customers.
final class StorePool {
  private let capacity: Int
  private var open: [String: BehaviorStore] = [:]
  /// Directories in the order of their last use, newest last.
  private var recent: [String] = []

  /// - Parameter capacity: most stores open at once, at least 1.
  init(capacity: Int) {
    self.capacity = capacity
  }

  /// The customer's store, opened if it is not. Its key is read for the opening and forgotten with
  /// the store.
  func store(of home: ClientHome) throws -> BehaviorStore {
    let directory = home.store
    if let index = recent.lastIndex(of: directory) { recent.remove(at: index) }
    recent.append(directory)
    if let store = open[directory] { return store }
    if open.count >= capacity, let oldest = recent.first {
      recent.removeFirst()
      try open.removeValue(forKey: oldest)?.close()
    }
    let store = try BehaviorStore.open(directory: directory, key: home.storeKey())
    open[directory] = store
    return store
  }

  func closeAll() throws {
    for store in open.values { try store.close() }
    open = [:]
    recent = []
  }
}
