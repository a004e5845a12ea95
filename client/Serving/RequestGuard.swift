/// Who may ask: pages of other sites can send requests to loopback, and a name of theirs may be made to
/// point there (DNS rebinding), so neither the connection nor the address proves anything.
///
/// - The Host header must name this server by a loopback address and its port.
/// - Origin, where a browser sends one, must be this server's, and Sec-Fetch-Site not another site's.
/// - Every call of the API needs the session's token in a header, which no page of another site can set.
struct RequestGuard {
  enum Refusal: Equatable {
    case foreignHost, foreignOrigin, missingToken
  }

  private let authorities: [String]
  private let token: String

  init(port: Int, token: String) {
    authorities = ["127.0.0.1", "localhost", "[::1]"].map { "\($0):\(port)" }
    self.token = token
  }

  /// - Parameters:
  ///   - hosts, origins, sites, authorizations: the values of the headers Host, Origin, Sec-Fetch-Site and
  ///     Authorization.
  ///   - needsToken: false for the page itself, which holds nothing of the customer.
  /// - Returns: nil if the request may be answered.
  func refusal(
    hosts: [String], origins: [String], sites: [String], authorizations: [String],
    needsToken: Bool
  ) -> Refusal? {
    guard hosts.count == 1, let host = hosts.first, authorities.contains(host.lowercased()) else {
      return .foreignHost
    }
    guard origins.allSatisfy({ authorities.map { "http://" + $0 }.contains($0.lowercased()) }),
      origins.count <= 1, sites.allSatisfy({ ["same-origin", "none"].contains($0) })
    else { return .foreignOrigin }
    guard needsToken else { return nil }
    guard authorizations.count == 1, let given = authorizations.first,
      Self.areEqual(given, "Bearer " + token)
    else { return .missingToken }
    return nil
  }

  /// In time that does not depend on where they differ.
  private static func areEqual(_ first: String, _ second: String) -> Bool {
    let (first, second) = (Array(first.utf8), Array(second.utf8))
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
