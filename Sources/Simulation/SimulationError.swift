/// Why a simulated training ended without a model.
package enum SimulationError: Error, Equatable, Sendable {
  /// Nothing is under way and waiting changes nothing.
  case stalled(round: UInt64)
  case budgetExhausted
  /// A charged round of mode `secagg` gave no sum, and may not be repeated (ruling 27).
  case sumLost
  /// A round of mode `secagg-ddp` cannot be run without noise: its clients draw it.
  case noNoise
  case noRelease
  /// A client ended its connection.
  case clientLeft(Int)
}
