import Recommendation
import Testing

@Suite("ResponseSchema")
struct ResponseSchemaTests {
  @Test("each schema has 11 to 30 inputs of different names, the last the constant")
  func counts() {
    let schemas: [(ResponseSchema, Int)] = [
      (.coupon, 22), (.purchase, 15), (.purchaseWithCampaigns, 22), (.click, 18),
    ]
    for (schema, count) in schemas {
      #expect(schema.inputs.count == count && (11...30).contains(count), "\(schema.name)")
      #expect(Set(schema.inputs).count == count && schema.inputs.last == "constant")
    }
    #expect(Set(schemas.map(\.0.name)).count == schemas.count)
  }

  @Test("values come first, then a place for each kind but the first, then 1")
  func inputs() {
    let schema = ResponseSchema(
      name: "small", values: (0..<8).map { "value \($0)" }, kinds: ["second", "third"])
    #expect(schema.kinds == 8..<10)
    #expect(schema.inputs.suffix(3) == ["second", "third", "constant"])
    let values: [Float] = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1]
    #expect(schema.inputs(values) == values + [0, 0, 1])
    #expect(schema.inputs(values, kind: 1) == values + [1, 0, 1])
    #expect(schema.inputs(values, kind: 2) == values + [0, 1, 1])
  }
}
