internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation
internal import VectorMath

/// The public model on this device, with what it needs to score: no network is used.
struct ServedModel {
  /// Setting "FEATURES CATEGORIES", both digests: the categories are a function of the features.
  private static let categoriesSetting = "categories"

  let recommender: Recommender
  /// Digests of model, catalogue and features: changes when a training ends.
  let version: String
  private let featuresDigest: String
  private let directory: BlobDirectory

  /// - Throws: `CommandFailure` (exit 5) when no model has been fetched yet.
  init(
    home path: String, enrolment: Enrolment, store: BehaviorStore, blobs: String?
  ) throws {
    let directory = BlobDirectory(path: blobs ?? Self.blobsPath(beside: path))
    var digests: [String] = []
    func blob(_ key: String) throws -> [UInt8] {
      guard let hex = try store.setting(key),
        let bytes = try directory.read(try SHA256Digest(hex: hex))
      else {
        throw CommandFailure(
          what: "there is no model on this device", why: "training has not ended here yet",
          next: "join a training: client run --home \(path)", exit: .invalidConfiguration)
      }
      digests.append(hex)
      return bytes
    }
    let policy = try enrolment.policy()
    recommender = Recommender(
      model: try ModelRegistry.model(
        identifier: policy.model, hyperparameters: policy.hyperparameters),
      parameters: try ModelParameters(decoding: try blob(ServingSettings.model)),
      catalogue: try Catalogue(decoding: try blob(ServingSettings.catalogue)),
      features: try ItemFeatures(decoding: try blob(ServingSettings.features)))
    featuresDigest = digests.last ?? ""
    version = digests.joined(separator: " ")
    self.directory = directory
  }

  /// The version that the store names now.
  static func version(in store: BehaviorStore) throws -> String {
    try [ServingSettings.model, ServingSettings.catalogue, ServingSettings.features]
      .map { try store.setting($0) ?? "" }.joined(separator: " ")
  }

  var catalogue: Catalogue { recommender.catalogue }

  /// The catalogue's categories, computed once for a catalogue and kept beside the other public blobs.
  func categories(in store: BehaviorStore) throws -> CategoryIndex {
    let known = try store.setting(Self.categoriesSetting)?.split(separator: " ") ?? []
    if known.count == 2, known[0] == featuresDigest,
      let bytes = try directory.read(try SHA256Digest(hex: String(known[1])))
    {
      return try CategoryIndex(decoding: bytes, itemCount: catalogue.count)
    }
    guard let features = recommender.features else {
      throw CommandFailure(
        what: "there are no categories on this device", why: "the model has no item texts",
        next: "leave the category out", exit: .invalidConfiguration)
    }
    let index = try CategoryIndex(features: features, catalogue: catalogue)
    let digest = try directory.store(index.encoded())
    try store.set(Self.categoriesSetting, to: "\(featuresDigest) \(digest.hex)")
    return index
  }

  /// Simulated customers share the blobs of their process, two directories up.
  private static func blobsPath(beside home: String) -> String {
    let own = home + "/blobs"
    let shared = home + "/../../blobs"
    return (try? DirectoryListing.names(in: own)) == nil ? shared : own
  }
}

/// What a list is asked to be.
struct SlateQuery {
  var count = 10
  var repeats = RepeatRule.suppress
  var category: String?
  /// False: as for someone of whom nothing is known.
  var isPersonalised = true
  /// Nil: the best items, nothing is drawn or logged.
  var plan: ExplorationPlan?
  /// Nil: a fresh one.
  var seed: UInt64?
}

/// A list with what is to be said about how it came about.
struct ServedSlate {
  let items: [Recommendation]
  /// Number of the logged slate; nil where nothing was drawn.
  let identifier: Int64?
  let plan: ExplorationPlan?
  let seed: UInt64?
  /// Positions that the customer's budget let explore.
  let exploredSlots: Int
  /// The experiment that chose the plan, if one did.
  var experiment: ExperimentPart?
}

/// One customer on one device: answers what the commands and the page ask, from the store and the model.
struct CustomerService {
  /// Slates with a report that are learned from.
  private static let reportedSlates = 200
  /// Positions a day that may explore, of a customer who never said.
  static let defaultSlotsPerDay = 100

  let model: ServedModel
  let store: BehaviorStore
  let retention: DeviceRetention
  private let policyHash: SHA256Digest

  init(model: ServedModel, store: BehaviorStore, enrolment: Enrolment) throws {
    self.model = model
    self.store = store
    policyHash = enrolment.policyHash
    retention = try DeviceRetention(in: store, policy: enrolment.policy())
  }

  private var catalogue: Catalogue { model.catalogue }

  private func exposures() throws -> [Exposure] {
    try store.exposures(limit: Self.reportedSlates, catalogueIndex: { catalogue.index(of: $0) })
  }

  private func history(since seconds: Int64 = .min) throws -> CustomerHistory {
    try store.history(since: seconds, catalogueIndex: { catalogue.index(of: $0) })
  }

  /// Items of deleted interests that nothing has revived.
  private func hidden() throws -> Set<Int> {
    Set(
      try store.forgottenInterests().filter { !$0.isRevived }.flatMap(\.items)
        .compactMap { catalogue.index(of: $0) })
  }

  private var today: Int { Int(retention.clock.localSeconds / CalendarTime.secondsPerDay) }

  // MARK: - Lists

  /// A list; a drawn one is logged before it is returned.
  ///
  /// Where nothing else was asked for, a running experiment says how it is drawn.
  func slate(_ query: SlateQuery) throws -> ServedSlate {
    guard query.plan == nil, query.isPersonalised, query.category == nil,
      let part = try experimentPart()
    else { return try slate(query, mark: nil) }
    var planned = query
    planned.plan = part.arm.plan
    var slate = try slate(planned, mark: part.isCounted ? part.mark : nil)
    slate.experiment = part
    return slate
  }

  /// What this device does in the policy's experiment; nil where there is none, where it is over, and where
  /// the customer did not agree to the policy that defines it.
  func experimentPart() throws -> ExperimentPart? {
    guard let experiment = model.recommender.model.experiment,
      !ExperimentSums.areReleased(in: model.recommender.parameters, of: experiment),
      !OptOut.isSet,
      try store.consent(policyHash: policyHash.hex).allows
    else { return nil }
    return try ExperimentPart(of: experiment, in: store)
  }

  private func slate(_ query: SlateQuery, mark: String?) throws -> ServedSlate {
    let categories = try neededCategories(query)
    var request = SlateRequest(
      history: query.isPersonalised ? try history() : .empty, count: query.count,
      repeats: query.repeats)
    if let tag = query.category, let categories {
      // Asking for a category by name shows it, deleted or not.
      request.only = Set(categories.items(of: try category(tag, in: categories)))
    } else if query.isPersonalised {
      request.hidden = try hidden()
    }
    let exposures = query.isPersonalised ? try self.exposures() : []
    let recommender = model.recommender
    let scores = try recommender.scores(history: request.history, repeats: query.repeats)
    guard query.plan != nil || !exposures.isEmpty else {
      return ServedSlate(
        items: try recommender.slate(request, scores: scores), identifier: nil, plan: nil,
        seed: nil, exploredSlots: 0)
    }
    let plan = query.plan ?? .greedy
    let exploration = try recommender.exploration(
      plan, scores: scores, history: request.history, categories: categories,
      exposures: exposures)
    let slots =
      plan.rule == .greedy
      ? 0
      : try store.takeExplorationSlots(
        query.count, day: today, default: Self.defaultSlotsPerDay)
    let seed = query.seed ?? UInt64.random(in: 0 ... .max)
    var generator = SeededRandom(seed: seed)
    let items = try recommender.slate(
      request, scores: scores, exploration: exploration, exploredSlots: slots,
      decisions: try store.slateCount(), categories: categories, using: &generator)
    guard query.plan != nil else {
      return ServedSlate(items: items, identifier: nil, plan: nil, seed: nil, exploredSlots: 0)
    }
    return ServedSlate(
      items: items,
      identifier: try log(items, plan: plan, slots: slots, seed: seed, mark: mark), plan: plan,
      seed: seed, exploredSlots: slots)
  }

  private func neededCategories(_ query: SlateQuery) throws -> CategoryIndex? {
    guard query.plan != nil || query.category != nil else { return nil }
    return try model.categories(in: store)
  }

  private func category(_ tag: String, in categories: CategoryIndex) throws -> Int {
    if let category = categories.category(tagged: tag) { return category }
    throw CommandFailure(
      what: "there is no category \"\(tag)\"", why: "this catalogue has others",
      next: NearestName.of(tag, among: categories.tags).map { "did you mean \($0)?" }
        ?? "see: client profile show --all", exit: .usage)
  }

  /// Logged before it is shown: a slate without its propensities cannot be evaluated later.
  private func log(
    _ items: [Recommendation], plan: ExplorationPlan, slots: Int, seed: UInt64, mark: String?
  ) throws -> Int64? {
    guard !items.isEmpty else { return nil }
    let shown = items.enumerated().map { position, item in
      let parts = item.reasons.map {
        ($0.component.rawValue, JSONValue.number(Double($0.contribution)))
      }
      return ShownItem(
        position: position + 1, item: catalogue.codes[item.item],
        propensity: item.propensity ?? 1,
        components: String(
          decoding: JSONValue.object(Dictionary(uniqueKeysWithValues: parts)).canonicalBytes,
          as: UTF8.self),
        monteCarloDraws: item.monteCarloDraws)
    }
    let limit = slots < items.count ? ",slots=\(slots)" : ""
    return try store.recordSlate(
      timeSeconds: DeviceRetention.now.utcSeconds, explorationPolicy: plan.text + limit,
      items: shown, seed: seed, experiment: mark)
  }

  /// Why an item has its score for this customer, whether or not it would be shown.
  func why(_ code: String, repeats: RepeatRule) throws -> Recommendation {
    guard let item = catalogue.index(of: code) else {
      throw CommandFailure(
        what: "there is no item \"\(code)\"", why: "the catalogue does not list it",
        next: "use a code of the catalogue, as client recommend prints them", exit: .usage)
    }
    let history = try history()
    let exposures = try exposures()
    let scores = try model.recommender.scores(history: history, repeats: repeats)
    let exploration =
      exposures.isEmpty
      ? nil
      : try model.recommender.exploration(
        .greedy, scores: scores, history: history, categories: nil, exposures: exposures)
    return try model.recommender.explanation(
      of: item, history: history, scores: scores, exploration: exploration)
  }

  func feedback(_ outcome: SlateOutcome, item: String, slate: Int64) throws {
    try store.recordOutcome(
      outcome, item: item, slate: slate, atSeconds: DeviceRetention.now.utcSeconds)
  }

  // MARK: - Interests

  func profile() throws -> ServedProfile {
    let categories = try model.categories(in: store)
    let recent =
      retention.clock.localSeconds - Int64(InterestProfile.recentDays) * CalendarTime.secondsPerDay
    var budget = try store.explorationBudget(default: Self.defaultSlotsPerDay)
    // Nothing is wanted: only a new day is noticed.
    _ = budget.take(0, day: today)
    return ServedProfile(
      interests: try InterestProfile(
        categories: categories,
        popularity: try model.recommender.popularity(), history: try history(),
        recent: try history(since: recent), exposures: try exposures()
      ).interests,
      forgotten: try store.forgottenInterests(), budget: budget,
      experiment: try experimentPart())
  }

  /// Forgets an interest; see `BehaviorStore.forgetInterest`.
  func forget(_ tag: String) throws {
    let categories = try model.categories(in: store)
    let items = categories.items(of: try category(tag, in: categories))
    guard !items.isEmpty else { return }
    try store.forgetInterest(
      tag: tag, items: items.map { catalogue.codes[$0] }, at: retention.clock)
  }

  func restore(_ tag: String) throws {
    guard try store.restoreInterest(tag: tag) else {
      throw CommandFailure(
        what: "nothing was restored", why: "\"\(tag)\" is not a deleted interest",
        next: "see: client profile show", exit: .usage)
    }
  }
}

/// A customer's interests and what the customer said about them.
struct ServedProfile {
  let interests: [Interest]
  let forgotten: [ForgottenInterest]
  let budget: ExplorationBudget
  let experiment: ExperimentPart?
}
