/// A reading of a clock that never goes back, in milliseconds since an arbitrary start.
///
/// Deadlines are computed with it alone, so a change of the wall clock moves none of them.
package struct MonotonicTime: Comparable, Hashable, Sendable {
  package let milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.milliseconds < right.milliseconds
  }

  package func adding(seconds: Int) -> MonotonicTime {
    MonotonicTime(milliseconds: milliseconds + Int64(seconds) * 1_000)
  }

  /// Seconds from `self` to `later`; negative when `later` is earlier.
  package func seconds(to later: MonotonicTime) -> Double {
    Double(later.milliseconds - milliseconds) / 1_000
  }
}
