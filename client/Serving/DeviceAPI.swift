internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation

/// A request as the routes see it.
struct APIRequest {
  let method: String
  /// Without the query; percent-encoding resolved.
  let path: [String]
  let body: [UInt8]
}

struct APIResponse {
  let status: Int
  let contentType: String
  let body: [UInt8]

  static func json(_ value: JSONValue, status: Int = 200) -> APIResponse {
    APIResponse(status: status, contentType: "application/json", body: value.canonicalBytes)
  }

  static func failure(_ failure: CommandFailure, status: Int) -> APIResponse {
    json(
      .object([
        "error": .object([
          "what": .string(failure.what), "why": .string(failure.why),
          "next": .string(failure.next),
        ])
      ]), status: status)
  }
}

/// What a customer's own apps may ask of the device, over loopback only (ruling 3). Every call blocks.
final class DeviceAPI {
  /// One call: where it is, what it takes, what it answers.
  struct Route: Sendable {
    let method: String
    /// Segments; one in braces takes any value.
    let path: [String]
    let summary: String
    let parameters: [(name: String, schema: JSONValue, isRequired: Bool)]
    let answer: @Sendable (DeviceAPI, [String: String], JSONValue) throws -> APIResponse

    var template: String { "/" + path.joined(separator: "/") }

    /// The values of the braces, if the path is this route's.
    func match(_ segments: [String]) -> [String: String]? {
      guard segments.count == path.count else { return nil }
      var values: [String: String] = [:]
      for (pattern, segment) in zip(path, segments) {
        if pattern.hasPrefix("{") {
          values[String(pattern.dropFirst().dropLast())] = segment
        } else if pattern != segment {
          return nil
        }
      }
      return values
    }
  }

  private static let longestSlate = 100

  private let location: HomeOption
  private let blobs: String?
  private let enrolment: Enrolment
  private let store: BehaviorStore
  private var model: ServedModel?

  /// - Throws: what opening the store throws.
  init(_ location: HomeOption, blobs: String?) throws {
    self.location = location
    self.blobs = blobs
    enrolment = try location.enrolment()
    store = try BehaviorStore.open(directory: location.home.store, key: location.home.storeKey())
  }

  func close() throws { try store.close() }

  /// The newest model on the device: a training that ends meanwhile is served from the next request on.
  private func service() throws -> CustomerService {
    let current: ServedModel
    if let model, model.version == (try ServedModel.version(in: store)) {
      current = model
    } else {
      current = try ServedModel(
        home: location.path, enrolment: enrolment, store: store, blobs: blobs)
      model = current
    }
    return try CustomerService(model: current, store: store, enrolment: enrolment)
  }

  /// - Returns: always an answer; what went wrong is in it.
  func answer(_ request: APIRequest) -> APIResponse {
    let matches = Self.routes.compactMap { route in
      route.match(request.path).map { (route, $0) }
    }
    guard let (route, values) = matches.first(where: { $0.0.method == request.method }) else {
      return matches.isEmpty
        ? .failure(
          CommandFailure(
            what: "there is no such address", why: "the API has others", next: "see /openapi.json",
            exit: .usage), status: 404)
        : .failure(
          CommandFailure(
            what: "\(request.method) is not for this address",
            why: "it answers \(matches.map(\.0.method).joined(separator: ", "))",
            next: "see /openapi.json", exit: .usage), status: 405)
    }
    do {
      return try route.answer(self, values, try Self.document(request.body, of: route))
    } catch {
      let failure = ClientFailure.explain(error)
      let status =
        switch failure.exit {
        case .usage: 400
        case .temporary: 503
        case .invalidConfiguration: 409
        default: 500
        }
      return .failure(failure, status: status)
    }
  }

  /// The body as an object of the route's parameters.
  private static func document(_ body: [UInt8], of route: Route) throws -> JSONValue {
    func refused(_ why: String) -> CommandFailure {
      CommandFailure(
        what: "the request was not understood", why: why, next: "see /openapi.json", exit: .usage)
    }
    guard !route.parameters.isEmpty else { return .object([:]) }
    let value: JSONValue
    do {
      value = try JSONValue.parse(body.isEmpty ? Array("{}".utf8) : body, depth: 4)
    } catch {
      throw refused("its body is not JSON: \(error)")
    }
    guard let members = value.objectValue else { throw refused("its body is not an object") }
    for name in members.keys.sorted() where !route.parameters.contains(where: { $0.name == name }) {
      throw refused("it has no parameter \"\(name)\"")
    }
    for parameter in route.parameters where parameter.isRequired && members[parameter.name] == nil {
      throw refused("\"\(parameter.name)\" is missing")
    }
    return value
  }
}

extension DeviceAPI {
  private static let anyText: JSONValue = .object(["type": .string("string")])

  static let routes: [Route] = [
    Route(
      method: "POST", path: ["v1", "slates"],
      summary: "A list for the customer; with a policy it is drawn, logged and numbered.",
      parameters: [
        ("k", wholeNumber(1, longestSlate), false),
        ("repeat", choice(RepeatRule.allCases.map(\.rawValue)), false),
        ("category", anyText, false),
        ("personalised", .object(["type": .string("boolean")]), false), ("policy", anyText, false),
        ("seed", anyText, false),
      ], answer: { api, _, body in try api.slate(body) }),
    Route(
      method: "GET", path: ["v1", "items", "{item}", "why"],
      summary: "Every part of an item's score for the customer.", parameters: [],
      answer: { api, values, _ in
        let service = try api.service()
        return .json(
          SlateDocument.json(
            try service.why(values["item"] ?? "", repeats: .suppress),
            catalogue: service.model.catalogue))
      }),
    Route(
      method: "POST", path: ["v1", "feedback"],
      summary:
        "What came of an item of a slate. No event leaves the device; of the slates of an experiment that was agreed to, capped counts do.",
      parameters: [
        ("slate", wholeNumber(1, nil), true), ("item", anyText, true),
        ("outcome", choice(SlateOutcome.allCases.map(\.rawValue)), true),
      ], answer: { api, _, body in try api.feedback(body) }),
    Route(
      method: "GET", path: ["v1", "profile"],
      summary: "Interests with their uncertainty, deleted ones, and the exploration budget.",
      parameters: [],
      answer: { api, _, _ in .json(SlateDocument.json(try api.service().profile())) }),
    Route(
      method: "DELETE", path: ["v1", "profile", "interests", "{tag}"],
      summary: "Deletes an interest until the customer takes such an item again.", parameters: [],
      answer: { api, values, _ in
        let service = try api.service()
        try service.forget(values["tag"] ?? "")
        return .json(SlateDocument.json(try service.profile()))
      }),
    Route(
      method: "PUT", path: ["v1", "profile", "interests", "{tag}"],
      summary: "Takes the deletion of an interest back.", parameters: [],
      answer: { api, values, _ in
        let service = try api.service()
        try service.restore(values["tag"] ?? "")
        return .json(SlateDocument.json(try service.profile()))
      }),
    Route(
      method: "PUT", path: ["v1", "profile", "exploration"],
      summary: "How many positions a day may explore; 0 for none.",
      parameters: [("slots_per_day", wholeNumber(0, 1_000_000), true)],
      answer: { api, _, body in
        let slots = try whole(body, "slots_per_day", in: 0...1_000_000)
        try api.store.setExplorationBudget(slotsPerDay: slots ?? 0)
        return .json(SlateDocument.json(try api.service().profile()))
      }),
    Route(
      method: "GET", path: ["v1", "consent"],
      summary: "Whether the customer agreed to contribute, and to which policy.", parameters: [],
      answer: { api, _, _ in
        let status = try api.store.consent(policyHash: api.enrolment.policyHash.hex)
        return .json(ConsentDocument.json(status, policyHash: api.enrolment.policyHash))
      }),
  ]

  private func slate(_ body: JSONValue) throws -> APIResponse {
    var query = SlateQuery()
    query.count = try Self.whole(body, "k", in: 1...Self.longestSlate) ?? query.count
    if let text = try Self.text(body, "repeat") { query.repeats = try Arguments.repeatRule(text) }
    query.category = try Self.text(body, "category")
    query.isPersonalised = try Self.flag(body, "personalised") ?? true
    query.plan = try Self.text(body, "policy").map(Arguments.plan)
    if let text = try Self.text(body, "seed") {
      guard let seed = UInt64(text) else { throw Self.wrong("seed", "a whole number as a string") }
      query.seed = seed
    }
    guard query.isPersonalised || query.plan == nil else {
      throw Self.wrong("policy", "left out where personalised is false: nothing is drawn")
    }
    let service = try service()
    return .json(
      SlateDocument.json(try service.slate(query), catalogue: service.model.catalogue))
  }

  private func feedback(_ body: JSONValue) throws -> APIResponse {
    let slate = try Self.whole(body, "slate", in: 1...Int(JSONValue.safeIntegers.upperBound))
    try service().feedback(
      try Arguments.outcome(try Self.text(body, "outcome") ?? ""),
      item: try Self.text(body, "item") ?? "", slate: Int64(slate ?? 0))
    return .json(.object(["noted": .bool(true)]))
  }

  // MARK: - Parameters

  private static func wrong(_ name: String, _ accepted: String) -> CommandFailure {
    CommandFailure(
      what: "the request was not understood", why: "\"\(name)\" must be \(accepted)",
      next: "see /openapi.json", exit: .usage)
  }

  private static func text(_ body: JSONValue, _ name: String) throws -> String? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let text = value.stringValue else { throw wrong(name, "a string") }
    return text
  }

  private static func flag(_ body: JSONValue, _ name: String) throws -> Bool? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let flag = value.boolValue else { throw wrong(name, "true or false") }
    return flag
  }

  private static func whole(
    _ body: JSONValue, _ name: String, in range: ClosedRange<Int>
  ) throws -> Int? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let number = value.integerValue.map({ Int($0) }), range.contains(number) else {
      throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private static func wholeNumber(_ least: Int, _ most: Int?) -> JSONValue {
    var schema: [String: JSONValue] = [
      "type": .string("integer"), "minimum": .integer(Int64(least)),
    ]
    if let most { schema["maximum"] = .integer(Int64(most)) }
    return .object(schema)
  }

  private static func choice(_ values: [String]) -> JSONValue {
    .object(["type": .string("string"), "enum": .array(values.map(JSONValue.string))])
  }
}
