/// A directory that appears whole or not at all.
///
/// It is filled under a hidden name beside its destination and renamed at the end. An error on the
/// way removes it; what a killed run left is removed by the next run for the same destination.
struct StagedDirectory {
  let path: String
  let destination: String

  /// - Throws: `DatasetError.outputNotEmpty` if the destination holds something.
  init(destination: String) throws(DatasetError) {
    var trimmed = Substring(destination)
    while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
    guard let name = trimmed.split(separator: "/").last, name != ".", name != ".." else {
      throw .invalidRequest(reason: "\(destination) does not name a new directory")
    }
    let parent = trimmed.dropLast(name.count)
    if FileAccess.exists(String(trimmed)),
      try FileAccess.names(in: String(trimmed))?.isEmpty == false
    {
      throw .outputNotEmpty(path: destination)
    }
    self.destination = String(trimmed)
    path = "\(parent).\(name).partial"
    try FileAccess.remove(path)
    try FileAccess.makeDirectory(path)
  }

  /// Runs `fill` and gives the directory its name; on any error removes it.
  func commit(_ fill: (_ path: String) throws -> Void) throws {
    do {
      try fill(path)
      try FileAccess.rename(path, to: destination)
    } catch {
      // The first error is the one to report; a staging directory that stays is removed by the
      // next run.
      try? FileAccess.remove(path)
      throw error
    }
  }
}
