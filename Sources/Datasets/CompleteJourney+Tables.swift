extension CompleteJourney {
  /// The tables that are read, as they lie in the library.
  enum Table: String, CaseIterable {
    case transactions, products, campaigns
    case campaignDescriptions = "campaign_descriptions"
    case couponRedemptions = "coupon_redemptions"

    var fileName: String { "\(rawValue).parquet" }
  }

  /// Eastern standard time is so far behind UTC.
  private static let clockSeconds: Int64 = 5 * 3600
  private static let fuelDepartment = "FUEL"
  /// The largest of the tables has 13.2 MB.
  private static let largestFileBytes = 16 << 20

  /// Reads the tables of a directory.
  ///
  /// - Throws: `DatasetError`: a table that is not there, is damaged, or names what another lacks.
  init(directory: String) throws(DatasetError) {
    let (productTypes, categories, typeOfProduct) = try Self.products(
      Self.open(.products, in: directory))
    let transactions = try Self.open(.transactions, in: directory)
    let sent = try Self.open(.campaigns, in: directory)
    let redeemed = try Self.open(.couponRedemptions, in: directory)
    let buyers = try transactions.integers("household_id")
    let sentTo = try sent.integers("household_id")
    let households = Set(buyers).union(sentTo).sorted()
    let places = Self.places(of: households)
    let campaigns = try Self.campaigns(Self.open(.campaignDescriptions, in: directory))
    let campaignPlaces = Self.places(of: campaigns.map(\.id))

    func place(_ id: Int64, in places: [Int64: Int], of table: Table) throws(DatasetError) -> Int {
      guard let place = places[id] else {
        throw .damaged(
          file: table.fileName, offset: 0, reason: "it has a number that no other table knows")
      }
      return place
    }
    var lines: [Line] = []
    lines.reserveCapacity(transactions.rowCount)
    let (baskets, products) = (
      try transactions.integers("basket_id"), try transactions.integers("product_id")
    )
    let (times, quantities) = (
      try transactions.seconds("transaction_timestamp"), try transactions.integers("quantity")
    )
    let (paid, retail) = (
      try transactions.numbers("sales_value"), try transactions.numbers("retail_disc")
    )
    let (coupon, match) = (
      try transactions.numbers("coupon_disc"), try transactions.numbers("coupon_match_disc")
    )
    for row in 0..<transactions.rowCount {
      let discount = retail[row] + coupon[row] + match[row]
      guard paid[row].isFinite, discount.isFinite, discount >= 0,
        let quantity = Int(exactly: quantities[row])
      else {
        throw .damaged(
          file: Table.transactions.fileName, offset: 0,
          reason: "row \(row) has an impossible amount")
      }
      lines.append(
        Line(
          household: try place(buyers[row], in: places, of: .transactions), basket: baskets[row],
          product: products[row], productType: typeOfProduct[products[row]],
          seconds: times[row] - Self.clockSeconds, quantity: quantity, paid: paid[row],
          discount: discount, usedCoupon: coupon[row] > 0))
    }
    var sendings: [Sending] = []
    for (campaign, household) in zip(try sent.integers("campaign_id"), sentTo) {
      sendings.append(
        Sending(
          household: try place(household, in: places, of: .campaigns),
          campaign: try place(campaign, in: campaignPlaces, of: .campaigns)))
    }
    sendings.sort { ($0.campaign, $0.household) < ($1.campaign, $1.household) }
    var redemptions: [Redemption] = []
    let redeemers = try redeemed.integers("household_id")
    let redeemedOf = try redeemed.integers("campaign_id")
    let days = try redeemed.seconds("redemption_date")
    for row in 0..<redeemed.rowCount {
      redemptions.append(
        Redemption(
          household: try place(redeemers[row], in: places, of: .couponRedemptions),
          campaign: try place(redeemedOf[row], in: campaignPlaces, of: .couponRedemptions),
          seconds: days[row]))
    }
    self.init(
      households: households, productTypes: productTypes, categories: categories, lines: lines,
      campaigns: campaigns, sendings: sendings, redemptions: redemptions)
  }

  private static func open(
    _ table: Table, in directory: String
  ) throws(DatasetError) -> ParquetFile {
    let path = "\(directory)/\(table.fileName)"
    return try ParquetFile(FileAccess.read(path, limit: largestFileBytes), file: path)
  }

  private static func places(of ids: [Int64]) -> [Int64: Int] {
    Dictionary(zip(ids, ids.indices), uniquingKeysWith: { first, _ in first })
  }

  private static func campaigns(_ table: ParquetFile) throws(DatasetError) -> [Campaign] {
    let ids = try table.integers("campaign_id")
    let kinds = try table.texts("campaign_type")
    let starts = try table.seconds("start_date")
    return ids.indices.map {
      Campaign(id: ids[$0], kind: kinds[$0] ?? "", startSeconds: starts[$0])
    }.sorted { ($0.startSeconds, $0.id) < ($1.startSeconds, $1.id) }
  }

  /// The types by name, the most frequent category of each (the first by bytes among equals), and the type of
  /// each product.
  private static func products(
    _ table: ParquetFile
  ) throws(DatasetError) -> (types: [String], categories: [String], typeOfProduct: [Int64: Int]) {
    let ids = try table.integers("product_id")
    let names = try table.texts("product_type")
    let categoryNames = try table.texts("product_category")
    let departments = try table.texts("department")
    let types = Set(names.compactMap { $0 }).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    let places = Dictionary(uniqueKeysWithValues: zip(types, types.indices))
    var counts = [[String: Int]](repeating: [:], count: types.count)
    var typeOfProduct: [Int64: Int] = [:]
    for row in ids.indices {
      guard let name = names[row], let place = places[name] else { continue }
      if departments[row] != fuelDepartment { typeOfProduct[ids[row]] = place }
      counts[place][categoryNames[row] ?? "", default: 0] += 1
    }
    let categories = counts.map { counts in
      counts.max {
        $0.value == $1.value
          ? $1.key.utf8.lexicographicallyPrecedes($0.key.utf8) : $0.value < $1.value
      }?.key ?? ""
    }
    return (types, categories, typeOfProduct)
  }
}

extension DatasetLibrary {
  /// The fetched tables of the Complete Journey.
  ///
  /// - Throws: `DatasetError.invalidRequest` if they were not fetched, and what their files may lack.
  package func completeJourney() throws(DatasetError) -> CompleteJourney {
    let name = DatasetSource.completeJourney.name
    let directory = "\(root)/\(name)"
    guard FileAccess.exists(directory) else {
      throw .invalidRequest(
        reason: "\(name) is not here yet; get it with: tacit data fetch \(name)")
    }
    return try CompleteJourney(directory: directory)
  }
}
