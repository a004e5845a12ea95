import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  @Suite("Privacy documents of a trained federation") struct PrivacyDocumentTests {
    @Test("label, nist, dpia and empirical read one ledger, agree on its figures, and fail with it")
    func documents() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      try await shop.train(trainings: 2)
      let spent = try await shop.epsilonSpent()
      try await label(shop, spent: spent)
      try await registry(shop, spent: spent)
      try await nist(shop)
      try await assessment(shop, spent: spent)
      try await empirical(shop)
      try await damaged(shop)
    }

    private func label(_ shop: Shop, spent: Double) async throws {
      let made = try await run("tacit", ["label", shop.coordinator, "--format", "json"])
      #expect(made.code == 0, "\(made.errors)")
      let json = try JSONValue.parse(Array(made.output.utf8))
      let epsilon = try #require(
        json["guarantee"]?["epsilon_your_data_against_none"]?.numberValue)
      #expect(abs(epsilon - spent) < 1e-6)
      for section in ["guarantee", "mechanism", "trust", "not_protected", "evidence"] {
        #expect(json[section]?.objectValue?.isEmpty == false, "\(section)")
      }
      let text = try await run("tacit", ["label", shop.coordinator])
      #expect(text.code == 0 && text.output.contains("WHAT IS NOT PROTECTED"))
      #expect(text.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
      let html = try await run("tacit", ["label", shop.coordinator, "--format", "html"])
      #expect(html.output.hasPrefix("<!DOCTYPE html>") && !html.output.contains("<script"))
      #expect(!html.output.contains(/(src|href)="http/))
    }

    /// The required fields of the three tiers of the registry's schema: opendp/deployments-registry-data,
    /// `schemas/deployments-schema.yaml`.
    private func registry(_ shop: Shop, spent: Double) async throws {
      let made = try await run("tacit", ["label", shop.coordinator, "--format", "yaml"])
      #expect(made.code == 0, "\(made.errors)")
      let paths = Self.yamlPaths(made.output)
      for path in [
        "deployment.short_name", "deployment.data_curator", "deployment.intended_use",
        "deployment.data_product_type", "deployment.publication_date", "deployment.dp_flavor.name",
        "deployment.dp_flavor.data_domain", "deployment.dp_flavor.unprotected_quantities",
        "deployment.privacy_loss.privacy_unit",
        "deployment.privacy_loss.privacy_unit_description",
        "deployment.privacy_loss.privacy_parameters.epsilon",
        "deployment.privacy_loss.privacy_parameters.delta",
        "deployment.privacy_loss.privacy_parameters_description", "deployment.model.model_type",
        "deployment.model.actors", "deployment.model.release_type",
        "deployment.model.interactivity",
        "deployment.additional_dp_information.post_processing",
        "deployment.additional_dp_information.composition",
        "deployment.implementation.pre_processing_eda_hyperparameter_tuning",
        "deployment.implementation.mechanisms", "deployment.implementation.justification",
      ] {
        #expect(paths[path]?.isEmpty == false, "\(path)")
      }
      let epsilon = paths["deployment.privacy_loss.privacy_parameters.epsilon"].flatMap(Double.init)
      #expect(abs(try #require(epsilon) - spent) < 1e-6)
      #expect(paths["deployment.publication_date"]?.wholeMatch(of: /"20\d\d-\d\d-\d\d"/) != nil)
    }

    /// Dotted path and scalar of each line of block-style YAML without lists.
    private static func yamlPaths(_ text: String) -> [String: String] {
      var paths: [String: String] = [:]
      var open: [String] = []
      for line in text.split(separator: "\n") {
        let depth = line.prefix { $0 == " " }.count / 2
        let parts = line.drop { $0 == " " }.split(separator: ":", maxSplits: 1)
        guard let key = parts.first else { continue }
        open = Array(open.prefix(depth)) + [String(key)]
        paths[open.joined(separator: ".")] = parts.dropFirst().first.map {
          $0.trimmingCharacters(in: .whitespaces)
        }
      }
      return paths
    }

    private func nist(_ shop: Shop) async throws {
      let made = try await run("tacit", ["audit", "nist", shop.coordinator, "--json"])
      #expect(made.code == 0, "\(made.errors)")
      #expect(made.output.contains("\"answer\"") && made.output.contains("\"evidence\""))
      let text = try await run("tacit", ["audit", "nist", shop.coordinator])
      for layer in ["epsilon", "unit", "mechanism", "composition", "tuning", "trust", "collection"]
      {
        #expect(text.output.contains(" \(layer): "), "\(layer)")
      }
      #expect(text.output.contains(/RESULT  \d+ pass, 0 fail, \d+ open, \d+ limit/))
    }

    private func assessment(_ shop: Shop, spent: Double) async throws {
      let made = try await run("tacit", ["audit", "dpia", shop.coordinator])
      #expect(made.code == 0, "\(made.errors)")
      let rounded = String(format: "epsilon %.4f at delta", spent)
      #expect(made.output.contains(rounded), "\(made.output)")
      for clause in ["35(7)(a)", "35(7)(b)", "35(7)(c)", "35(7)(d)", "PIPL 56"] {
        #expect(made.output.contains(clause), "\(clause)")
      }
      // Every row of a table has three cells, and what only a person knows is asked for.
      let rows = made.output.split(separator: "\n").filter { $0.hasPrefix("|") }
      #expect(rows.allSatisfy { $0.split(separator: "|").count == 3 })
      #expect(rows.contains { $0.contains("operator: ") })
      let json = try await run(
        "tacit", ["audit", "dpia", shop.coordinator, "--format", "json"])
      #expect(try JSONValue.parse(Array(json.output.utf8))["sections"]?.arrayValue?.count == 5)
    }

    private func empirical(_ shop: Shop) async throws {
      let refused = try await run("tacit", ["audit", "empirical", shop.coordinator])
      #expect(refused.code == 2, "\(refused.output)")
      #expect(refused.errors.contains("production ledger") && refused.errors.contains("entry 3"))
    }

    private func damaged(_ shop: Shop) async throws {
      var log = Array(text(of: shop.ledger).utf8)
      log[log.count / 2] ^= 1
      try Data(log).write(to: URL(fileURLWithPath: shop.ledger))
      for command in [["label"], ["audit", "nist"], ["audit", "dpia"]] {
        let outcome = try await run("tacit", command + [shop.coordinator])
        #expect([4, 8].contains(outcome.code), "\(command): \(outcome.code)")
      }
      let label = try await run("tacit", ["label", shop.coordinator])
      #expect(label.output.contains("CAUTION"))
    }
  }
}
