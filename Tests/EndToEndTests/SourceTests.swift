import Foundation
import Testing

/// The executables of a real federation hold no simulation.
@Suite("Sources of coordinator and client") struct SourceTests {
  /// Seeded randomness on a device, for a slate that can be drawn again (`--seed`); no privacy
  /// rests on it.
  private static let exceptions = ["client/ServedModel.swift": ["SeededRandom"]]

  @Test(
    "mention neither simulation nor seeded randomness nor simulated noise",
    arguments: ["coordinator", "client"])
  func noSimulation(folder: String) throws {
    let path = Executables.packageRoot + "/" + folder
    let files = try FileManager.default.contentsOfDirectory(atPath: path).filter {
      $0.hasSuffix(".swift")
    }
    #expect(files.count > 10, "the sources are where this test looks")
    for file in files {
      let source = text(of: "\(path)/\(file)")
      for word in ["import Simulation", "SeededRandom", "SimulatedNoise", "InProcessFederation"] {
        let isException = Self.exceptions["\(folder)/\(file)"]?.contains(word) == true
        #expect(isException || !source.contains(word), "\(folder)/\(file) mentions \(word)")
      }
    }
  }
}
