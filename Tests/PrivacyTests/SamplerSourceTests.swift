import Foundation
import Testing

/// Noise that meets a float anywhere leaks; these tests read the source and refuse it.
@Suite struct SamplerSourceTests {
  /// Each file with a declaration that it must hold.
  private static let samplerFiles = [
    ("DiscreteGaussian.swift", "func addNoise"), ("ExactBernoulli.swift", "enum ExactBernoulli"),
    ("Mechanisms/FixedPoint.swift", "struct FixedPoint"),
    ("Mechanisms/LazyCategorical.swift", "struct LazyCategorical"),
    ("Mechanisms/DiscreteLaplace.swift", "struct DiscreteLaplace"),
    ("Mechanisms/PoissonSampler.swift", "struct PoissonSampler"),
    ("Mechanisms/Skellam.swift", "struct Skellam"),
  ]

  /// Every trace of floating point, or of a library that could bring it in, outside of comments.
  private func floatingPointTraces(in source: String) throws -> [String] {
    let code = source.replacing(/\/\*(?s:.)*?\*\//, with: " ").replacing(/\/\/[^\n]*/, with: " ")
    let patterns: [Regex<Substring>] = [
      /\bimport\b[^\n]*/,
      /\b(?:Float|Float16|Float32|Float64|Float80|Double|CGFloat|Decimal|BinaryFloatingPoint|FloatingPoint|TimeInterval)\b/,
      /\b[0-9][0-9_]*\.[0-9]/,
      /\b[0-9][0-9_]*[eE][-+]?[0-9]/,
      /\b0x[0-9a-fA-F_.]*[pP]/,
      /\b(?:exp|expm1|log|log1p|pow|sqrt|squareRoot|rounded)\s*\(/,
    ]
    // Simple boundaries: the default ones see none inside "Swift.Double".
    return patterns.flatMap {
      code.matches(of: $0.wordBoundaryKind(.simple)).map { String($0.output) }
    }
  }

  @Test("sampler and noise add contain no floating point", arguments: samplerFiles)
  func samplerIsIntegerOnly(file: String, declaration: String) throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(components: "..", "..", "Sources", "Privacy")
    let source = try String(contentsOf: sources.appending(component: file), encoding: .utf8)
    #expect(source.contains(declaration))
    #expect(try floatingPointTraces(in: source) == [])
  }

  @Test(
    "the check sees floating point in each of its disguises",
    arguments: [
      "let x: Double = y", "x * 0.5", "1e9", "let y = 0x1p3", "internal import Glibc",
      "Float(3)", "x.squareRoot()", "log(x)", "some BinaryFloatingPoint", "1_000.0",
      "Swift.Double(x)",
    ])
  func checkSeesFloats(line: String) throws {
    #expect(try !floatingPointTraces(in: "func f() {\n  \(line)\n}").isEmpty)
  }

  @Test("the check lets comments and integers pass")
  func checkPassesIntegers() throws {
    let source = """
      /// arXiv:2004.00010, exp(-y² / 2σ²) as a Double would be 0.5
      /* Float */ let range = 0..<10; let mask: UInt64 = 0xE0; x &+= 1 << 20 // 1.5
      """
    #expect(try floatingPointTraces(in: source) == [])
  }
}
