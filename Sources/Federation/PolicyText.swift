package import Privacy
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

  /// The ratio n/(z sqrt(D)) in words: the norm of a sum of n aligned unit updates against the norm
  /// of its noise.
  package static func signal(_ ratio: Double) -> String {
    let rounded = (ratio * 100).rounded() / 100
    return "signal n/(z*sqrt(D)) = \(rounded)"
      + (ratio < 1 ? ": below 1, mostly noise; more customers or a smaller model would help" : "")
  }
}
