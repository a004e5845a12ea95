import Foundation
import Testing
import VectorMath

@testable import Recommendation

/// Four items in two categories; the customer bought the first, the last has no text.
@Suite("ClickFeatures")
struct ClickFeaturesTests {
  private static func features() throws -> ClickFeatures {
    let vectors = try ItemFeatures(
      vectors: Matrix(rows: 4, columns: 2, storage: [1, 0, 0.6, 0.8, 0, 1, 0, 0]))
    return ClickFeatures(
      ClickFeatures.Knowledge(
        features: vectors, categories: [0, 0, 1, 1], categoryCount: 2, popularity: [5, 1, 1, 9]),
      bought: [0], scores: [0.1, 0.4, 0.2, 0.3])
  }

  private static func check(
    _ features: ClickFeatures, item: Int, position: Int,
    _ expected: [ClickFeatures.Feature: Double]
  ) {
    let values = features.values(of: item, at: position)
    #expect(values.count == ClickFeatures.Feature.allCases.count)
    for (feature, value) in zip(ClickFeatures.Feature.allCases, values) {
      // Values are Floats, cosines sums of two products of them.
      #expect(abs(Double(value) - (expected[feature] ?? 0)) < 1e-6, "\(feature)")
    }
  }

  private static func logarithmic(_ value: Double, _ cap: Double) -> Double {
    log1p(value) / log1p(cap)
  }

  @Test("before anything was shown: purchases, texts, place and public facts; every other is 0")
  func first() throws {
    // Category 0 has the one item bought; twice the share is cut to 1. Item 1 is among the least popular and has the
    // best score.
    Self.check(
      try Self.features(), item: 1, position: 4,
      [
        .shownSinceClick: 1, .itemsBought: Self.logarithmic(1, 100), .categoryBought: 1,
        .boughtMean: 0.6, .boughtNearest: 0.6, .position: 3.0 / 9, .modelScore: 1,
      ])
    Self.check(
      try Self.features(), item: 3, position: 1,
      [
        .shownSinceClick: 1, .itemsBought: Self.logarithmic(1, 100), .popularity: 1,
        .modelScore: 2.0 / 3,
      ])
  }

  @Test("after three showings and a click, every feature by hand")
  func learned() throws {
    var features = try Self.features()
    for (item, isAccepted) in [(1, false), (2, true), (1, false)] {
      features.learn(Exposure(item: item, isAccepted: isAccepted))
    }
    Self.check(
      features, item: 1, position: 1,
      [
        .shown: Self.logarithmic(3, 1000), .clicks: Self.logarithmic(1, 100),
        .clickShare: 10.0 / 13, .shownSinceClick: Self.logarithmic(1, 1000),
        .itemsBought: Self.logarithmic(1, 100), .categoryShown: Self.logarithmic(2, 100),
        .categoryBought: 1, .boughtMean: 0.6, .boughtNearest: 0.6, .clickedMean: 0.8,
        .clickedNearest: 0.8, .shownBefore: Self.logarithmic(2, 30), .modelScore: 1,
      ])
    Self.check(
      features, item: 3, position: 20,
      [
        .shown: Self.logarithmic(3, 1000), .clicks: Self.logarithmic(1, 100),
        .clickShare: 10.0 / 13, .shownSinceClick: Self.logarithmic(1, 1000),
        .itemsBought: Self.logarithmic(1, 100), .categoryShown: Self.logarithmic(1, 100),
        .categoryClicks: Self.logarithmic(1, 30), .categoryClickShare: 10.0 / 11, .position: 1,
        .popularity: 1, .modelScore: 2.0 / 3,
      ])
  }

  @Test("every value is in 0 ... 1 after far more showings than any customer sees")
  func bounded() throws {
    var features = try Self.features()
    for showing in 0..<5_000 {
      features.learn(Exposure(item: showing % 4, isAccepted: showing % 3 > 0))
    }
    for item in 0..<4 {
      #expect(features.values(of: item, at: 99).allSatisfy { (0...1).contains($0) })
    }
  }

  @Test("the share of the others that are less; equal values have equal shares")
  func sharesBelow() {
    #expect(ClickFeatures.sharesBelow([5, 1, 1, 9, 7]) == [0.5, 0, 0, 1, 0.75])
    #expect(ClickFeatures.sharesBelow([3]) == [0])
    #expect(ClickFeatures.sharesBelow([]) == [])
  }
}
