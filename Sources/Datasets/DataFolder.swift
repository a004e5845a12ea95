internal import FoundationEssentials

/// Where the data files that come with the program are.
///
/// Searched in this order, and nowhere else:
/// 1. the directory that the environment variable `TACIT_DATA` names, if it is set;
/// 2. `tacit_Datasets.resources/Data` beside the executable: where SwiftPM puts the resources of
///    this target for programs and test bundles, and where an installation may copy them;
/// 3. `../share/tacit` from the executable's directory, the usual place of an installed program.
///
/// The generated `Bundle.module` is not used: it stops the process when it finds nothing, and falls
/// back to the absolute path of the build directory.
package struct DataFolder: Equatable, Sendable {
  /// The directories searched, in order.
  package let candidates: [String]

  /// - Parameters:
  ///   - environment: `TACIT_DATA` is read from it; when set and not empty, it alone is searched.
  ///   - executablePath: absolute path of the running program, symbolic links resolved.
  package init(environment: [String: String], executablePath: String) {
    if let named = environment["TACIT_DATA"], !named.isEmpty {
      candidates = [named]
    } else {
      let directory = executablePath.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast().joined(separator: "/")
      candidates = [
        "\(directory)/tacit_Datasets.resources/Data", "\(directory)/../share/tacit",
      ]
    }
  }

  /// The folder of the running process.
  package static func current() -> DataFolder {
    let environment = ProcessInfo.processInfo.environment
    // Where /proc is not mounted only TACIT_DATA can help, and the error then says so.
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return DataFolder(environment: environment, executablePath: link ?? "")
  }

  /// The path of a file in the first directory that has it.
  ///
  /// - Throws: `DatasetError.shippedFileMissing` with the places searched.
  package func path(of file: String) throws(DatasetError) -> String {
    for directory in candidates where FileAccess.exists("\(directory)/\(file)") {
      return "\(directory)/\(file)"
    }
    throw .shippedFileMissing(file: file, searched: candidates)
  }
}
