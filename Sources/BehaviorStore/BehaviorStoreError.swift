/// What can go wrong between the device and its log. No case carries an event's values.
package enum BehaviorStoreError: Error, Equatable, Sendable {
  case missing(path: String)
  case alreadyExists(path: String)
  case exposed(path: String, mode: UInt32)
  case notOwned(path: String)
  case notWritable(path: String)
  case diskFull(path: String)
  case locked(path: String, waitedSeconds: Int)
  case tooManyOpenFiles(path: String)
  case corrupt(path: String, detail: String)
  case foreignDatabase(path: String)
  /// The call reads or writes sealed values, and the store was opened without the key.
  case keyMissing(path: String)
  /// The store was sealed under another device's key.
  case wrongKey(path: String)
  case newerSchema(path: String, found: Int, supported: Int)
  case closed(path: String)
  case systemFailure(path: String, detail: String)

  case unreadableFile(path: String, detail: String)
  case invalidRow(file: String, row: Int, reason: String)
  case invalidEvent(reason: String)
  case invalidSlate(reason: String)
  case unknownSlate(id: Int64)
  case itemNotInSlate(id: Int64)

  case consentMissing(policyHash: String)
  case roundNotNewer(round: UInt64, last: UInt64)
  case roundOutOfRange(round: UInt64)
  case chargeNotFinite(round: UInt64)
  case roundNotJournaled(round: UInt64)
  case outcomeAlreadyRecorded(round: UInt64, recorded: RoundState, offered: RoundState)
}
