import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  /// `tacit compare` on a log that nobody tuned for: a small shop's CSV with ids of every kind.
  @Suite("tacit compare") struct CompareTests {
    /// A library with the data set `odd`, and a cache of its own.
    private struct Library {
      let directory: TemporaryDirectory
      static let customers = 24
      static let items = 30

      /// Two dozen customers of three shelves: eight purchases each, the first customers a few
      /// more; ids are long numbers, accents, spaces and commas.
      static func log() -> String {
        var text = "kunde,sku,wann,name\n"
        var state: UInt64 = 5
        func draw(_ bound: Int) -> Int {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Int(state >> 33) % bound
        }
        for customer in 0..<customers {
          let id =
            customer % 4 == 0
            ? "98765432109876543210987654321\(customer)"
            : customer % 4 == 1
              ? "Zoë, \(customer)" : customer % 4 == 2 ? "客\(customer)" : "c\(customer)"
          for place in 0..<(8 + (customer == 0 ? 15 : 0)) {
            let item = place < 6 ? customer % 3 * 10 + draw(10) : draw(items)
            text +=
              "\"\(id)\",\"№ \(item)\",2024-02-\(String(format: "%02d", 1 + place % 28)) 10:00:00,"
            text += "\"shelf \(item / 10) thing \(item)\"\n"
          }
        }
        return text
      }

      init() async throws {
        directory = try TemporaryDirectory()
        let file = directory.file("log.csv")
        try Data(Self.log().utf8).write(to: URL(fileURLWithPath: file))
        let outcome = try await tacit([
          "data", "import", file, "--name", "odd", "--columns",
          "customer=kunde,item=sku,time=wann,description=name",
        ])
        try #require(outcome.code == 0, "\(outcome.errors)")
      }

      func tacit(_ arguments: [String], cache: String = "cache") async throws -> Outcome {
        try await run(
          "tacit", arguments,
          environment: [
            "XDG_DATA_HOME": directory.file("data"), "XDG_CACHE_HOME": directory.file(cache),
          ])
      }

      func compare(_ arguments: [String], cache: String = "cache") async throws -> JSONValue {
        let outcome = try await tacit(
          ["compare", "--data", "odd", "--json"] + arguments, cache: cache)
        try #require(outcome.code == 0, "\(outcome.errors)")
        return try JSONValue.parse(Array(outcome.output.utf8))
      }
    }

    private func row(
      _ document: JSONValue, _ name: String, _ metric: String
    ) throws -> JSONValue {
      try #require(
        document["rows"]?.arrayValue?.first {
          $0["row"]?.stringValue == name && $0["metric"]?.stringValue == metric
        }, "\(name) \(metric)")
    }

    @Test(
      "by default both modes are shown, and a secagg-ddp row drawn at once is that of real masks")
    func modes() async throws {
      let library = try await Library()
      let options = ["--models", "popularity", "--epsilon", "2", "--seeds", "6"]
      let drawn = try await library.compare(options)
      let masked = try await library.compare(options + ["--run-masks"])
      let central = try row(drawn, "popularity:2:sealed", "ndcg")
      #expect(central["noise"]?.stringValue == "central")
      let first = try row(drawn, "popularity:2:secagg-ddp", "ndcg")
      let second = try row(masked, "popularity:2:secagg-ddp", "ndcg")
      #expect(first["noise"]?.stringValue == "shares-drawn-at-once")
      #expect(second["noise"]?.stringValue == "shares")
      // Without masks being run the same seeds give the same sealed rows.
      #expect(try row(masked, "popularity:2:sealed", "ndcg") == central)
      func figures(_ row: JSONValue) throws -> (mean: Double, sd: Double) {
        (try #require(row["mean"]?.numberValue), try #require(row["sd"]?.numberValue))
      }
      let (left, right, sealed) = (try figures(first), try figures(second), try figures(central))
      // Six independent draws each: 8 standard errors of the difference (t with about 10 degrees of
      // freedom) are one false alarm in 80,000 choices of the seeds. The noise is large enough to
      // move the figure.
      #expect(right.sd > 0.001)
      #expect(
        abs(left.mean - right.mean)
          < 8 * ((left.sd * left.sd + right.sd * right.sd) / 6).squareRoot())
      // An eighth more noise is far less than what one seed's noise moves: the same bound holds.
      #expect(
        abs(right.mean - sealed.mean)
          < 8 * ((sealed.sd * sealed.sd + right.sd * right.sd) / 6).squareRoot())
      func spent(_ document: JSONValue) throws -> Set<Double> {
        Set(
          try #require(document["efforts"]?.arrayValue).filter {
            $0["row"]?.stringValue == "popularity:2:secagg-ddp"
          }.compactMap { $0["effort"]?["epsilon_spent"]?.numberValue })
      }
      let (drawnSpent, maskedSpent) = (try spent(drawn), try spent(masked))
      #expect(drawnSpent.count == 1 && maskedSpent.count == 1)
      #expect(abs((drawnSpent.first ?? 0) - (maskedSpent.first ?? 1)) < 1e-6)
      #expect(drawnSpent.allSatisfy { $0 <= 2 && $0 > 1.99 })
    }

    @Test(
      "one seed gives the same bytes: output, customers' table and drawing; a row says what was tried"
    )
    func repeatable() async throws {
      let library = try await Library()
      func files(_ cache: String) async throws -> [String] {
        let (table, plot) = (
          library.directory.file("\(cache).csv"), library.directory.file("\(cache).svg")
        )
        let outcome = try await library.tacit(
          [
            "compare", "--data", "odd", "--epsilon", "inf,8,2", "--seeds", "2", "--metrics", "all",
            "--against", "ease", "--against", "gram:8:sealed", "--resamples", "499", "--per-user",
            table, "--plot", plot,
          ], cache: cache)
        try #require(outcome.code == 0, "\(outcome.errors)")
        return [outcome.output, text(of: table), text(of: plot)]
      }
      let first = try await files("one")
      #expect(try await files("two") == first)
      #expect(first[0].contains("gram:8:secagg-ddp") && first[0].contains("paired bootstrap"))
      #expect(first[0].contains("threshold of f1 of pairs: highest F1 on the other half"))
      #expect(first[0].contains("threshold of f1@k: the list of k items"))
      let listed = try await library.tacit(
        [
          "compare", "--data", "odd", "--epsilon", "inf,8,2", "--seeds", "2", "--metrics",
          "gini,coverage,diversity,novelty,auc,f1,hr,mrr,map,ndcg,precision,recall",
        ], cache: "one")
      #expect(listed.code == 0 && listed.output.contains("highest F1 on the other half"))
      let lines = first[1].split(separator: "\n")
      // Four runs without noise (popularity, ease, gram and its twin), and 2 x 2 x 2 private ones.
      #expect(lines.count == 1 + (4 + 8) * Library.customers)
      #expect(
        lines[0]
          == "row,seed,task,k,customer,recall,precision,ndcg,map,mrr,hr,f1,auc,novelty,diversity")
      #expect(first[1].contains("\"Zoë, 1\""))
      #expect(first[2].contains("epsilon (delta 1e-05, one customer)"))
      #expect(first[2].contains("gram, secagg-ddp") && first[2].contains("ease, centralized"))
      let document = try await library.compare(["--epsilon", "8", "--seeds", "1"], cache: "one")
      let figures = try #require(document["outcomes"]?.arrayValue?.first?["figures"])
      #expect(figures["f1"] == nil && figures["f1_over_all_pairs"]?.numberValue != nil)
      #expect(try row(document, "ease:centralized", "recall")["settings_tried"]?.integerValue == 5)
      #expect(try row(document, "gram:8:sealed", "recall")["settings_tried"]?.integerValue == 0)
    }

    @Test("the transformer is fitted centrally, its epochs chosen among six, and federated")
    func sequenceTransformer() async throws {
      let document = try await Library().compare([
        "--models", "sasrec", "--epsilon", "inf", "--seeds", "2",
      ])
      let shown = try row(document, "sasrec:centralized", "recall")
      #expect(shown["settings_tried"]?.integerValue == 6 && shown["seeds"]?.integerValue == 2)
      let federated = try row(document, "sasrec:inf", "recall")
      #expect(federated["settings_tried"]?.integerValue == 0)
      #expect((federated["mean"]?.numberValue ?? 0) > 0)
      let unknown = try await Library().tacit(["compare", "--data", "odd", "--models", "sasrek"])
      #expect(unknown.code == 2 && unknown.errors.contains("gram, mf, sasrec"))
    }

    @Test("a model runs with the hyperparameters that it is given, and the report says which")
    func hyperparameters() async throws {
      let library = try await Library()
      let usual = ["--models", "mf", "--epsilon", "inf", "--seeds", "1"]
      func mean(_ given: String?) async throws -> (Double, JSONValue) {
        let document = try await library.compare(
          usual + (given.map { ["--hyperparameters", $0] } ?? []))
        let shown = try row(document, "mf:inf", "recall")
        return (try #require(shown["mean"]?.numberValue), document)
      }
      let adam = #"{"mf":{"clipping":"adaptive","rounds":2,"server_optimizer":"adam"}}"#
      let (byDefault, _) = try await mean(nil)
      let (given, document) = try await mean(adam)
      // One cache for both: other hyperparameters are another run.
      #expect(byDefault != given)
      let notes = try #require(document["notes"]?.arrayValue).compactMap(\.stringValue)
      #expect(
        notes.contains(
          #"mf runs with {"clipping":"adaptive","rounds":2,"server_optimizer":"adam"}"#))
      let refused = [
        ("{", "--hyperparameters is not JSON"), ("[]", "--hyperparameters is not an object"),
        (#"{"gram":{}}"#, "names gram, which is not compared"),
        (#"{"mf":{"clipping":"none"}}"#, #""fixed" or "adaptive""#),
        (#"{"mf":{"epochs":3}}"#, "epochs"),
      ]
      for (text, reason) in refused {
        let outcome = try await library.tacit(
          ["compare", "--data", "odd"] + usual + ["--hyperparameters", text])
        #expect(outcome.code == 2 && outcome.errors.contains(reason), "\(outcome.errors)")
      }
    }

    @Test("the centralized baselines are those asked for, and popularity stands in for EASE")
    func baselines() async throws {
      let library = try await Library()
      let options = ["--models", "popularity", "--epsilon", "inf"]
      let document = try await library.compare(
        options + ["--seeds", "2", "--baselines", "puresvd,ials,itemknn"])
      for (name, seeds) in [
        ("puresvd:centralized", 1), ("ials:centralized", 2), ("itemknn:centralized", 1),
      ] {
        let shown = try row(document, name, "recall")
        #expect(shown["seeds"]?.integerValue == Int64(seeds))
        #expect((shown["mean"]?.numberValue ?? 0) > 0)
      }
      let rows = try #require(document["rows"]?.arrayValue).compactMap { $0["row"]?.stringValue }
      #expect(!rows.contains("ease:centralized"))
      let differences = try #require(document["differences"]?.arrayValue)
      #expect(!differences.isEmpty)
      #expect(differences.allSatisfy { $0["against"]?.stringValue == "popularity:centralized" })
      for list in ["ease,slim", "", "ease,ease"] {
        let outcome = try await library.tacit(
          ["compare", "--data", "odd"] + options + ["--baselines", list])
        #expect(outcome.code == 2 && outcome.errors.contains("ease,itemknn,ials,puresvd"))
      }
    }

    @Test("with --tune each row has as many settings tried, and says what it runs with")
    func tuned() async throws {
      let library = try await Library()
      let options = [
        "--models", "popularity,gram", "--epsilon", "inf,8", "--modes", "sealed", "--seeds", "1",
      ]
      let asked =
        options + ["--baselines", "ease,itemknn", "--customers", "1x,2x", "--tune", "3"]
      let document = try await library.compare(asked)
      for name in [
        "ease:centralized", "itemknn:centralized", "gram:centralized", "gram:inf",
        "gram:8:sealed", "gram:8:sealed:2x",
      ] {
        let shown = try row(document, name, "recall")
        #expect(shown["settings_tried"]?.integerValue == 3, "\(name)")
      }
      for name in ["popularity:centralized", "popularity:inf", "popularity:8:sealed:2x"] {
        #expect(try row(document, name, "recall")["settings_tried"]?.integerValue == 0)
      }
      func hyperparameters(_ name: String) throws -> JSONValue? {
        try row(document, name, "recall")["hyperparameters"]
      }
      #expect(try hyperparameters("gram:8:sealed:2x") == hyperparameters("gram:8:sealed"))
      #expect(try hyperparameters("ease:centralized")?["lambda"]?.stringValue != nil)
      let notes = try #require(document["notes"]?.arrayValue).compactMap(\.stringValue)
      let lambda = try #require(
        try hyperparameters("ease:centralized")?["lambda"]?.stringValue)
      #expect(
        notes.contains {
          $0.hasPrefix(#"ease:centralized runs with {"lambda":"\#(lambda)"}, the best of 3"#)
        })
      #expect(notes.contains { $0.contains("nothing is charged for the choice") })
      // The choice is kept like the runs, and the same.
      #expect(try await library.compare(asked) == document)
      for (more, reason) in [
        (["--tuning"], "--tune and --tuning exclude each other"),
        (
          ["--hyperparameters", #"{"gram":{"rank":8}}"#],
          "--tune and --hyperparameters of gram exclude each other"
        ),
      ] {
        let refused = try await library.tacit(
          ["compare", "--data", "odd", "--tune", "3"] + options + more)
        #expect(refused.code == 2 && refused.errors.contains(reason), "\(refused.errors)")
      }
      let many = try await library.tacit(["compare", "--data", "odd", "--tune", "65"])
      #expect(many.code == 2 && many.errors.contains("--tune is from 1 to 64"))
    }

    @Test("a row that is not there is refused before the first run")
    func unknownReference() async throws {
      let library = try await Library()
      let outcome = try await library.tacit(
        ["compare", "--data", "odd", "--epsilon", "8", "--against", "ease", "--against", "gram:2"],
        cache: "none")
      #expect(outcome.code == 2)
      #expect(outcome.errors.contains("no row is named gram:2; rows are popularity:centralized"))
      // Nowhere to keep a finished run was made.
      #expect(!FileManager.default.fileExists(atPath: library.directory.file("none")))
    }

    @Test("with no tuning the figures are sensible: shelves are found, popularity is beaten")
    func sensible() async throws {
      let library = try await Library()
      let document = try await library.compare(["--epsilon", "inf,100", "--seeds", "1"])
      func recall(_ name: String) throws -> Double {
        try #require(try row(document, name, "recall")["mean"]?.numberValue)
      }
      #expect(try recall("ease:centralized") > recall("popularity:centralized"))
      #expect(try recall("gram:inf") > recall("popularity:centralized"))
      let differences = try #require(document["differences"]?.arrayValue)
      for entry in differences {
        let (lower, upper) = (entry["lower"]?.numberValue ?? 1, entry["upper"]?.numberValue ?? -1)
        #expect(lower <= upper && entry["customers"]?.integerValue == Int64(Library.customers))
      }
      #expect(!differences.isEmpty)
    }

    @Test(
      "resampled cohorts are labelled wherever they show, and say how many customers are needed")
    func resampled() async throws {
      let library = try await Library()
      let options = [
        "--epsilon", "2", "--seeds", "2", "--customers", "1x,20x", "--modes", "sealed",
      ]
      let document = try await library.compare(options)
      let tenfold = try row(document, "gram:2:sealed:20x", "recall")
      #expect(tenfold["cohort"]?.stringValue == "resampled 20x")
      #expect(tenfold["customers"]?.integerValue == 480)
      #expect(try row(document, "gram:2:sealed", "recall")["cohort"]?.stringValue == "actual")
      let need = try #require(document["customers_needed"]?.arrayValue?.first)
      #expect(need["cohorts"]?.stringValue == "resampled")
      let text = try await library.tacit(["compare", "--data", "odd"] + options).output
      #expect(text.contains("rows ending in x are resampled"))
      #expect(text.contains("to reach 90 % of centralized"))
      let crowd = try await library.tacit(
        ["compare", "--data", "odd", "--epsilon", "8", "--seeds", "1", "--customers", "200x"])
      #expect(crowd.code == 0)
      #expect(crowd.errors.contains("secagg-ddp is left out for 4,800 customers"))
      // The sparse graph of 240 takes 4.1e-9 of delta, which leaves enough of the default alone.
      let strict = try await library.tacit([
        "compare", "--data", "odd", "--models", "popularity", "--epsilon", "8", "--seeds", "2",
        "--customers", "10x", "--delta", "2e-9",
      ])
      #expect(strict.code == 0)
      #expect(strict.errors.contains("secagg-ddp is left out for 240 customers: popularity at"))
      #expect(strict.output.contains("popularity:8:sealed:10x"))
      #expect(!strict.output.contains("popularity:8:secagg-ddp:10x"))
    }

    @Test(
      "item vectors of a file take the place of the texts'; a cut file is an error that says so")
    func itemVectors() async throws {
      let library = try await Library()
      var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
      let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (30, 3), }\n"
      bytes += [UInt8(header.utf8.count), 0] + Array(header.utf8)
      // By ascending code, "№ 0", "№ 1", "№ 10": the shelf is told by the tens.
      let codes = (0..<Library.items).map { "№ \($0)" }.sorted {
        $0.utf8.lexicographicallyPrecedes($1.utf8)
      }
      for code in codes {
        let shelf = (Int(code.dropFirst(2)) ?? 0) / 10
        for column in 0..<3 {
          let value: Float = column == shelf ? 1 : 0
          withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += Array($0) }
        }
      }
      let file = library.directory.file("vectors.npy")
      try Data(bytes).write(to: URL(fileURLWithPath: file))
      let options = ["--epsilon", "inf", "--seeds", "1"]
      let texts = try await library.compare(options)
      let vectors = try await library.compare(options + ["--item-vectors", file])
      #expect(try row(vectors, "gram:inf", "recall") != (try row(texts, "gram:inf", "recall")))
      #expect(
        try row(vectors, "ease:centralized", "recall")
          == (try row(texts, "ease:centralized", "recall")))
      try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: file))
      let cut = try await library.tacit(
        ["compare", "--data", "odd", "--item-vectors", file] + options)
      #expect(cut.code == 5 && cut.errors.contains("it ends inside its values"))
      let lone = try await library.tacit(["compare", "--data", "odd", "--item-ids", file])
      #expect(lone.code == 2)
    }
  }
}
