import Cryptography
import Privacy

/// Draws a second a core, bits from the keyed AES-CTR generator.
enum SamplerBenchmark {
  private static let count = 1 << 20

  static func run() throws {
    for exponent in [4, 10, 20] {
      let sampler = DiscreteGaussian(scale: UInt64(1) << UInt64(exponent))
      var words = [UInt32](repeating: 0, count: count)
      var generator = try SecureRandom()
      let seconds = Measurement.best(of: 5) { sampler.addNoise(to: &words, using: &generator) }
      Measurement.report(
        "discrete Gaussian, sigma 2^\(exponent)",
        ["seconds": seconds, "draws_per_second": Double(count) / seconds])
    }
  }
}
