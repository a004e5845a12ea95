package import Privacy
internal import Recommendation
internal import SecureAggregation

/// Sentences about a policy, the same in every command and report.
package enum PolicyText {
  /// What the coordinator can and cannot see in the policy's mode.
  package static func modeSentence(of policy: PrivacyPolicy) -> String {
    AggregationMode(rawValue: policy.mode)?.sentence ?? "an aggregation mode this program lacks"
  }

  /// Whether the coordinator sees single updates in the policy's mode.
  package static func coordinatorCanSeeUpdates(in policy: PrivacyPolicy) -> Bool {
    AggregationMode(rawValue: policy.mode)?.coordinatorCanSeeUpdates ?? true
  }

  /// What the policy's experiment does to a device, in one line; nil where it has none.
  package static func experimentSentence(of policy: PrivacyPolicy) -> String? {
    // A policy that cannot be read as a model says so where it is used.
    guard let experiment = try? Experiment(hyperparameters: policy.hyperparameters) else {
      return nil
    }
    let arms = experiment.arms.indices.map { index in
      let percent = (experiment.fraction(of: index) * 1_000).rounded() / 10
      return "\(experiment.arms[index].name) \(percent) % (\(experiment.arms[index].plan.text))"
    }
    return "experiment \(experiment.name): lists follow an arm that each device draws by itself, "
      + arms.joined(separator: ", ")
      + "; how much of the lists was taken is counted in one sum; an exploration budget of 0 leaves a device out"
  }

  /// The ratio n/(z sqrt(D)) in words: the norm of a sum of n aligned unit updates against the norm
  /// of its noise.
  package static func signal(_ ratio: Double) -> String {
    let rounded = (ratio * 100).rounded() / 100
    return "signal n/(z*sqrt(D)) = \(rounded)"
      + (ratio < 1 ? ": below 1, mostly noise; more customers or a smaller model would help" : "")
  }
}
