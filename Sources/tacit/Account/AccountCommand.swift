internal import ArgumentParser
internal import CanonicalJSON
internal import Glibc
internal import Operations
internal import Privacy

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: "Computes what a schedule of private releases costs, or calibrates one.",
    discussion: """
      Example:

        tacit account --events 'G:2.5*10' --delta 1e-5
        tacit account --events 'PG:0.01:1.0*1000;L:10*1' --delta 1e-6 --accountant all
        tacit account --events 'PG:0.01:?*1000' --calibrate --epsilon 2 --delta 1e-6
        tacit account --batch questions.jsonl

      Events are KIND:parameters*count, joined by ";". Noise is in units of the clip norm.
        G:sigma         Gaussian                   PG:q:sigma    the same, Poisson sampled
        L:b             Laplace                    PL:q:b        the same, Poisson sampled
        DG:sigma:d      discrete Gaussian          DL:a:d        discrete Laplace
        SK:v:s:l1:l2    Skellam                    RR:p:k        randomized response
        ED:eps:delta    any (eps, delta) release   Z:rho[:xi]    any zCDP release
        MF:z:sens       matrix factorisation       TR:sigma:n+n  trees of n leaves
        P:q(...)        Poisson sampling           TP:q:B:n(...) the same, cut to B a batch
        W:n:m(...)      m of n without replacement

      A batch holds one JSON object a line, {"events", "delta" or "epsilon", "relation",
      "accountant"}; each is answered by one line, in order.
      """)

  @Option(help: "The releases, such as 'PG:0.01:1.0*1000;L:10*1'.")
  var events: String?

  @Option(help: "Delta at which epsilon is computed.")
  var delta: Double?

  @Option(help: "Epsilon at which delta is computed; with --calibrate, the target.")
  var epsilon: Double?

  @Option(help: "Neighbouring relation: \(NeighbouringRelation.spellings).")
  var relation: String = NeighbouringRelation.zeroOut.rawValue

  @Option(help: "Accountant: \(AccountQuestion.Choice.spellings).")
  var accountant: String = "tightest"

  @Flag(help: "Find the parameter written ? that meets --epsilon at --delta.")
  var calibrate = false

  @Option(help: "A file of questions as JSON lines; - is standard input.")
  var batch: String?

  @Option(help: "Draw epsilon against rounds into this SVG file.")
  var plot: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (events != nil) != (batch != nil) else {
      throw ValidationError("Give either --events or --batch.")
    }
    if batch != nil {
      guard delta == nil, epsilon == nil, !calibrate, plot == nil else {
        throw ValidationError("A batch holds its own delta and epsilon, and draws nothing.")
      }
      return
    }
    if calibrate {
      guard delta != nil, epsilon != nil else {
        throw ValidationError("--calibrate needs a target: --epsilon and --delta.")
      }
      return
    }
    guard (delta != nil) != (epsilon != nil) else {
      throw ValidationError("Give --delta to get epsilon, or --epsilon to get delta.")
    }
    if plot != nil, delta == nil {
      throw ValidationError("--plot draws epsilon at one delta: give --delta.")
    }
  }

  func run() async throws {
    if let batch { return try answerBatch(batch) }
    guard let events else { return }
    do {
      if calibrate {
        try printCalibration(of: events)
      } else {
        try printAnswer(to: events)
      }
    } catch let error as PrivacyError {
      throw Self.explain(error, events: events)
    }
  }

  // MARK: - One question

  private func printAnswer(to events: String) throws {
    let target: AccountQuestion.Target
    if let delta {
      target = .epsilon(delta: delta)
    } else {
      target = .delta(epsilon: epsilon ?? 0)
    }
    let question = try AccountQuestion(
      events: events, relation: try chosenRelation(), target: target,
      choice: try chosenAccountants())
    print(json ? try question.json().prettyText : try AccountText.answer(question))
    if let plot, let delta {
      let figure = try AccountPlot.figure(question, delta: delta)
      try DurableFile.replaceUnsynced(Array((figure.text + "\n").utf8), at: plot)
      StandardError.write("drew epsilon against rounds into \(plot)\n")
    }
  }

  private func printCalibration(of events: String) throws {
    guard let epsilon, let delta else { return }
    let expression = try EventExpression(events)
    guard let free = expression.freeParameter else {
      throw CommandFailure(
        what: "there is nothing to calibrate",
        why: "no parameter in the events is written ?",
        next: "write ? for one of them, such as --events 'PG:0.01:?*1000'", exit: .usage)
    }
    let relation = try chosenRelation()
    let solution = try Calibration.solve(
      expression, epsilon: epsilon, delta: delta, relation: relation,
      by: try calibratingAccountant(expression, free, relation: relation))
    if json {
      var members = AccountQuestion.members(of: solution.loss)
      members["parameter"] = .string(free.name)
      members["value"] = AccountQuestion.figure(solution.value)
      members["target_epsilon"] = AccountQuestion.figure(epsilon)
      members["events"] = .string(
        try expression.event(freeParameter: solution.value).description)
      members["relation"] = .string(relation.rawValue)
      print(JSONValue.object(members).prettyText)
    } else {
      print(AccountText.calibration(free, solution, target: epsilon))
    }
  }

  /// The tightest accountant of the events with some value in the place of the free parameter.
  private func calibratingAccountant(
    _ expression: EventExpression, _ free: FreeParameter, relation: NeighbouringRelation
  ) throws -> Accountant {
    switch try chosenAccountants() {
    case .one(let accountant): return accountant
    case .all:
      throw CommandFailure(
        what: "a calibration is made by one accountant", why: "--accountant is all",
        next: "choose one of them, or leave it out", exit: .usage)
    case .tightest:
      let event = try expression.event(freeParameter: free.someValue)
      return try AccountingQuery(event, relation: relation).tightest
    }
  }

  private func chosenRelation() throws -> NeighbouringRelation {
    guard let chosen = NeighbouringRelation(spelled: relation) else {
      throw CommandFailure(
        what: "there is no relation \(relation)",
        why: "known are \(NeighbouringRelation.spellings)",
        next: "choose one of them", exit: .usage)
    }
    return chosen
  }

  private func chosenAccountants() throws -> AccountQuestion.Choice {
    guard let chosen = AccountQuestion.Choice(spelled: accountant) else {
      throw CommandFailure(
        what: "there is no accountant \(accountant)",
        why: "known are \(AccountQuestion.Choice.spellings)", next: "choose one of them",
        exit: .usage)
    }
    return chosen
  }

  private static func explain(_ error: PrivacyError, events: String) -> CommandFailure {
    guard case .malformedEvents(let offset, let reason) = error else {
      return CommandFailure(
        what: "there is no figure", why: error.description,
        next: "change the events, the relation or the accountant; see: tacit account --help",
        exit: .usage)
    }
    let rest = String(decoding: events.utf8.dropFirst(offset).prefix(24), as: UTF8.self)
    return CommandFailure(
      what: "the events cannot be read",
      why: "\(reason), at character \(offset + 1)"
        + (rest.isEmpty ? ", the end" : ": \"\(rest)\""),
      next: "see the kinds of events: tacit account --help", exit: .usage)
  }

  // MARK: - Batch

  private static let largestBatch = 1 << 30

  private func answerBatch(_ path: String) throws {
    let failures: Int
    if path == "-" {
      let lines = sequence(state: ()) { _ in readLine().map { Array($0.utf8) } }
      failures = AccountBatch.answer(lines, print: Self.printAtOnce)
    } else {
      guard let bytes = try DurableFile.read(path, limit: Self.largestBatch) else {
        throw CommandFailure(
          what: "cannot read \(path)", why: "there is no such file",
          next: "give a file of JSON lines, or - for standard input", exit: .invalidConfiguration)
      }
      var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      if lines.last?.isEmpty == true { lines.removeLast() }
      failures = AccountBatch.answer(lines.lazy.map { Array($0) }, print: Self.printAtOnce)
    }
    if failures > 0 {
      StandardError.write("\(Format.count(failures)) line(s) could not be answered\n")
    }
  }

  /// A reader on the other end of a pipe sees each answer when it is there.
  private static func printAtOnce(_ line: String) {
    print(line)
    fflush(nil)
  }
}

extension FreeParameter {
  /// A value that any event accepts in its place: which accountants apply does not depend on it.
  fileprivate var someValue: Double {
    switch role {
    case .noise, .loss, .count: 1
    case .noiseProbability, .rate: 0.5
    }
  }
}
