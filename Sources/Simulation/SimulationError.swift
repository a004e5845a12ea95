/// Why a simulated training ended without a model.
package enum SimulationError: Error, Equatable, Sendable {
  /// Nothing is under way and waiting changes nothing.
  case stalled(round: UInt64)
  case budgetExhausted
  case noRelease
  /// A client ended its connection.
  case clientLeft(Int)
}
