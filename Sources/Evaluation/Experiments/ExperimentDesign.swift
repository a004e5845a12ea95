package import Recommendation

/// What an experiment could find, before it is measured: for customers who accept a Poisson number of items.
package struct ExperimentDesign: Sendable {
  package let experiment: Experiment
  /// Of all arms.
  package let customers: Double
  /// Accepted items a customer.
  package let rate: Double
  /// tau: standard deviation of the noise on every sum, in customers.
  package let noiseStandardDeviation: Double

  /// The highest rate that a plan is made for: beyond the cap most customers would count as the cap.
  package static func highestRate(of experiment: Experiment) -> Double {
    Double(experiment.caps[acceptedPlace])
  }

  private static let acceptedPlace =
    Experiment.Measure.allCases.firstIndex(of: .accepted) ?? 0

  /// - Precondition: `customers` and `rate` are above 0, the rate at most ``highestRate(of:)``.
  package init(
    experiment: Experiment, customers: Double, rate: Double, noiseStandardDeviation: Double
  ) {
    precondition(
      customers > 0 && rate > 0 && rate <= Self.highestRate(of: experiment),
      "customers who accept something, and no more than counts")
    self.experiment = experiment
    self.customers = customers
    self.rate = rate
    self.noiseStandardDeviation = noiseStandardDeviation
  }

  /// Customers of an arm, as expected.
  package func customers(ofArm arm: Int) -> Double { customers * experiment.fraction(of: arm) }

  /// Customers of all arms with whom the smallest arm is expected to have enough for its report.
  package var fewestCustomers: Double {
    let smallest = experiment.arms.indices.map { experiment.fraction(of: $0) }.min() ?? 1
    return (fewestOfArm / smallest).rounded(.up)
  }

  private var fewestOfArm: Double {
    ExperimentAnalysis.fewestCustomers(noiseStandardDeviation: noiseStandardDeviation)
  }

  /// The true difference to the control, in accepted items a customer, that is found with 80 % power; nil for
  /// the control, and for an arm of which, or of whose control, the report would say that it has too few
  /// customers.
  package func minimumDetectableEffect(ofArm arm: Int) -> Double? {
    guard arm > 0, min(customers(ofArm: 0), customers(ofArm: arm)) >= fewestOfArm else {
      return nil
    }
    let cap = Self.highestRate(of: experiment)
    func variance(_ arm: Int) -> Double {
      let error = ExperimentAnalysis.standardError(
        customers: customers(ofArm: arm), mean: rate / cap, variance: rate / (cap * cap),
        noise: noiseStandardDeviation)
      return error * error
    }
    return cap
      * ExperimentAnalysis.minimumDetectableEffect((variance(0) + variance(arm)).squareRoot())
  }
}
