internal import BehaviorStore
internal import Glibc
internal import Operations
internal import Privacy
internal import Recommendation

/// How long this device keeps what its customer did: the policy's days, or fewer where the customer
/// says so. Never more: the policy states what is needed, and nothing beyond it is kept.
struct DeviceRetention {
  private enum Setting {
    static let days = "retention-days"
    static let today = "retention-today"
  }

  let policyDays: Int
  /// The customer's own limit, at most `policyDays`.
  let ownDays: Int?
  /// The moment that counts as now, in naive seconds, for a device that replays a log of the past;
  /// nil to go by the clock.
  let todaySeconds: Int64?

  var days: Int { min(policyDays, ownDays ?? policyDays) }

  init(in store: BehaviorStore, policy: PrivacyPolicy) throws {
    policyDays = policy.retentionDays
    ownDays = try store.setting(Setting.days).flatMap(Int.init)
    todaySeconds = try store.setting(Setting.today).flatMap { CalendarTime.seconds($0) }
  }

  /// Sets the customer's own limit; nil goes back to the policy's.
  static func setDays(_ days: Int?, in store: BehaviorStore) throws {
    try store.set(Setting.days, to: days.map(String.init))
  }

  /// Sets what counts as now, in naive seconds; nil goes back to the clock.
  static func setToday(_ seconds: Int64?, in store: BehaviorStore) throws {
    try store.set(Setting.today, to: seconds.map(CalendarTime.text(_:)))
  }

  /// Removes what is older, and says so on stderr.
  func enforce(in store: BehaviorStore) throws {
    let removed = try store.removeExpired(days: days, at: clock)
    guard !removed.isNone else { return }
    StandardError.write(
      "removed \(removed.events) events and \(removed.slates) slates that are older than \(days) "
        + "days; see: client data retention\n")
  }

  /// Now, by the clock or as the customer set it.
  var clock: RetentionClock {
    todaySeconds.map { RetentionClock(utcSeconds: $0, localSeconds: $0) } ?? Self.now
  }

  static var now: RetentionClock {
    var seconds = time(nil)
    var local = tm()
    localtime_r(&seconds, &local)
    return RetentionClock(
      utcSeconds: Int64(seconds), localSeconds: Int64(seconds) + Int64(local.tm_gmtoff))
  }
}
