internal import DelimitedText
internal import Recommendation

/// The form in which an imported data set is kept: our own CSV, with every column.
enum StoredTable {
  static let fileName = "interactions.csv"
  static let columns = ColumnMap(
    customer: "customer", item: "item", kind: "kind", time: "time", value: "value",
    occasion: "occasion", description: "description")

  static func encode(_ dataset: InteractionDataset) -> [UInt8] {
    var text = "customer,item,kind,time,value,occasion,description\n"
    var isDescribed = [Bool](repeating: false, count: dataset.catalogue.count)
    for event in dataset.events {
      // The first row of an item carries its description; the reader takes the first.
      let description = isDescribed[event.item] ? "" : dataset.catalogue.descriptions[event.item]
      isDescribed[event.item] = true
      let fields = [
        dataset.customers[event.customer], dataset.catalogue.codes[event.item],
        event.kind.rawValue, CalendarTime.text(event.seconds), "\(event.value)",
        dataset.occasions[event.occasion], description,
      ]
      text += fields.map(DelimitedTable.quoted).joined(separator: ",") + "\n"
    }
    return Array(text.utf8)
  }
}
