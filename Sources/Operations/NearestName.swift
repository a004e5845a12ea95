/// Suggests the name that a person may have meant.
package enum NearestName {
  /// - Returns: the candidate with the smallest edit distance, when that is at most a third of the
  ///   name's length, rounded up; else nil.
  package static func of(_ name: String, among candidates: [String]) -> String? {
    let ranked = candidates.map { (name: $0, distance: distance(name, $0)) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= (name.count + 2) / 3 ? best.name : nil
  }

  private static func distance(_ left: String, _ right: String) -> Int {
    let target = Array(right)
    var row = Array(0...target.count)
    for (i, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for j in target.indices {
        let substituted = diagonal + (character == target[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[target.count]
  }
}
