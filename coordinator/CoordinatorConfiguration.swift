internal import CanonicalJSON
internal import Operations

/// How a coordinator runs. One place for every default; flags win over the environment
/// (`TACIT_...`), which wins over `config.json`, which wins over the defaults.
struct CoordinatorConfiguration: Sendable {
  /// Where a setting's value came from.
  enum Origin: String, Sendable {
    case builtIn = "default"
    case file = "config.json"
    case environment
    case flag
  }

  struct Setting: Sendable {
    let name: String
    let meaning: String
    var value: String
    var origin: Origin
  }

  private(set) var settings: [Setting] = [
    Setting(
      name: "listen", meaning: "address and port to accept clients on", value: "127.0.0.1:7443",
      origin: .builtIn),
    Setting(
      name: "advertise", meaning: "address and port written into enrolment tokens",
      value: "", origin: .builtIn),
    Setting(
      name: "maximum-connections", meaning: "connections held at once; more are refused",
      value: "10000", origin: .builtIn),
    Setting(
      name: "gather-seconds",
      meaning: "with the minimum cohort here, a round starts after so long without a new login",
      value: "5", origin: .builtIn),
    Setting(
      name: "upload-slots", meaning: "updates in flight at once, each one vector of memory",
      value: "16", origin: .builtIn),
    Setting(
      name: "upload-seconds", meaning: "longest time one update may take to arrive",
      value: "60", origin: .builtIn),
    Setting(
      name: "phase-seconds",
      meaning: "longest time members of a masked round may take for any message but their updates",
      value: "120", origin: .builtIn),
    Setting(
      name: "operations-listen",
      meaning: "loopback address and port of metrics and live page; none when empty", value: "",
      origin: .builtIn),
    Setting(
      name: "trainings", meaning: "how often the policy's plan is trained, over the ledger's life",
      value: "1", origin: .builtIn),
  ]

  /// Reads `config.json`, then the environment, then flags; a flag is absent when nil.
  ///
  /// - Throws: `CommandFailure` (exit 5) for an unknown key, with the nearest name, or a bad value.
  init(
    file path: String, environment: [String: String], flags: [String: String?] = [:]
  ) throws {
    if let bytes = try DurableFile.read(path, limit: 1 << 16) {
      try apply(file: bytes, path: path)
    }
    for index in settings.indices {
      let key = "TACIT_" + settings[index].name.uppercased().replacing("-", with: "_")
      if let value = environment[key] {
        settings[index].value = value
        settings[index].origin = .environment
      }
    }
    for (name, value) in flags {
      if let value { set(name, value, .flag) }
    }
    try check()
  }

  private mutating func set(_ name: String, _ value: String, _ origin: Origin) {
    guard let index = settings.firstIndex(where: { $0.name == name }) else { return }
    settings[index].value = value
    settings[index].origin = origin
  }

  private mutating func apply(file bytes: [UInt8], path: String) throws {
    let json: JSONValue
    do {
      json = try JSONValue.parse(bytes)
    } catch {
      throw Self.invalid("\(path) is not JSON", "\(error)", "mend it, or delete it to use defaults")
    }
    guard case .object(let fields) = json else {
      throw Self.invalid("\(path) is not a JSON object", "it is another kind of value", "mend it")
    }
    for (key, value) in fields {
      guard settings.contains(where: { $0.name == key }) else {
        let near = NearestName.of(key, among: settings.map(\.name))
        throw Self.invalid(
          "\(path) has the unknown key \"\(key)\"", "no setting has that name",
          near.map { "did you mean \"\($0)\"?" } ?? "see: coordinator config show")
      }
      switch value {
      case .string(let text): set(key, text, .file)
      case .integer(let number): set(key, String(number), .file)
      default:
        throw Self.invalid(
          "\(path): \"\(key)\" is not text or a whole number", "settings are", "mend it")
      }
    }
  }

  private func check() throws {
    _ = try address("listen")
    if !text("advertise").isEmpty { _ = try address("advertise") }
    if !text("operations-listen").isEmpty { try requireLoopback("operations-listen") }
    for (name, range) in Self.ranges { _ = try number(name, in: range) }
  }

  private static let ranges: [(String, ClosedRange<Int>)] = [
    ("maximum-connections", 1...1_000_000), ("gather-seconds", 0...86_400),
    ("upload-slots", 1...4_096), ("upload-seconds", 1...3_600), ("phase-seconds", 1...3_600),
    ("trainings", 1...1_000_000),
  ]

  private func text(_ name: String) -> String {
    settings.first { $0.name == name }?.value ?? ""
  }

  private func number(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    guard let value = Int(text(name)), range.contains(value) else {
      throw Self.invalid(
        "setting \(name) is \"\(text(name))\"",
        "it must be a whole number from \(range.lowerBound) to \(range.upperBound)",
        "see where it comes from: coordinator config show")
    }
    return value
  }

  private func address(_ name: String) throws -> (host: String, port: UInt16) {
    let value = text(name)
    guard let colon = value.lastIndex(of: ":"),
      let port = UInt16(value[value.index(after: colon)...]),
      colon != value.startIndex
    else {
      throw Self.invalid(
        "setting \(name) is \"\(value)\"", "it must be HOST:PORT, such as 127.0.0.1:7443",
        "see where it comes from: coordinator config show")
    }
    let host = value[..<colon].trimming(while: { $0 == "[" || $0 == "]" })
    return (String(host), port)
  }

  /// Whoever reaches the page needs no login.
  private func requireLoopback(_ name: String) throws {
    let host = try address(name).host
    guard host == "localhost" || host == "::1" || host.hasPrefix("127.") else {
      throw Self.invalid(
        "setting \(name) is \"\(text(name))\"", "it must be a loopback address: there is no login",
        "use 127.0.0.1:PORT; reach it from elsewhere through ssh or a proxy that asks who it is")
    }
  }

  private static func invalid(_ what: String, _ why: String, _ next: String) -> CommandFailure {
    CommandFailure(what: what, why: why, next: next, exit: .invalidConfiguration)
  }
}

extension CoordinatorConfiguration {
  // The values were checked when they were read, so these cannot throw in practice.
  func listen() throws -> (host: String, port: UInt16) { try address("listen") }

  func advertise() throws -> (host: String, port: UInt16) {
    try address(text("advertise").isEmpty ? "listen" : "advertise")
  }

  /// Where metrics and live page are served; nil where they are not.
  func operationsListen() throws -> (host: String, port: UInt16)? {
    text("operations-listen").isEmpty ? nil : try address("operations-listen")
  }

  func count(_ name: String) throws -> Int {
    try number(name, in: Self.ranges.first { $0.0 == name }?.1 ?? 0...Int.max)
  }
}

extension Substring {
  fileprivate func trimming(while predicate: (Character) -> Bool) -> Substring {
    var result = self.drop(while: predicate)
    while let last = result.last, predicate(last) { result.removeLast() }
    return result
  }
}
