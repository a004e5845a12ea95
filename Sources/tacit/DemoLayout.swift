internal import Glibc
internal import Operations

/// Where the demo writes what.
struct DemoLayout: Sendable {
  let root: String

  var data: String { root + "/data" }
  var customers: String { data + "/customers" }
  var tokens: String { root + "/tokens.txt" }
  var coordinator: String { root + "/coordinator" }
  var clients: String { root + "/clients" }
  var checkpoint: String { root + "/client-checkpoint.note" }
  var summary: String { root + "/summary.json" }
  var report: String { root + "/report.html" }
  private var marker: String { root + "/.tacit-demo" }

  func log(_ name: String) -> String { "\(root)/logs/\(name).log" }

  func clientHome(_ number: Int) -> String { "\(clients)/\(number)" }

  /// The first customer of the first client process, which is not the one that is killed.
  func firstCustomerHome() throws -> String {
    let customers = clientHome(0) + "/customers"
    guard let name = try DirectoryListing.names(in: customers).first else {
      throw CommandFailure(
        what: "there is no customer in \(customers)", why: "the client process made none",
        next: "see \(log("client-0"))", exit: .failure)
    }
    return "\(customers)/\(name)"
  }

  /// Makes an empty directory. Only what an earlier demo made is removed.
  func makeFresh() throws {
    if access(root, F_OK) == 0 {
      let names = try DirectoryListing.names(in: root)
      guard names.isEmpty || access(marker, F_OK) == 0 else {
        throw CommandFailure(
          what: "\(root) is not empty", why: "it was not made by a demo, so it is not replaced",
          next: "choose another --out", exit: .invalidConfiguration)
      }
      DurableFile.removeTree(root)
    }
    try DurableFile.makeDirectory(root + "/logs")
    try DurableFile.replaceUnsynced([], at: marker)
    try DurableFile.makeDirectory(clients)
  }
}
