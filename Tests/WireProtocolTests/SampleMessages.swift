import Privacy
import SecureAggregation
import WireProtocol

/// One message of every kind, with fixed field values; `Golden/make_messages_v4.py` holds the same.
enum SampleMessages {
  /// `count` bytes that count up from `start`, modulo 256.
  static func ramp(_ count: Int, from start: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: start + $0) }
  }

  static let round: UInt64 = 1 << 33 | 5

  static let all: [(name: String, message: Message)] = [
    (
      "server_hello",
      .serverHello(
        ServerHello(
          versions: [1, 2], nonce: ramp(32, from: 0), coordinatorKey: ramp(32, from: 32),
          ledgerID: ramp(16, from: 64), signature: ramp(64, from: 80)))
    ),
    (
      "client_auth",
      .clientAuth(
        ClientAuth(
          version: 1, clientID: 0x0102_0304, checkpointSize: 1 << 33 | 9,
          signature: ramp(64, from: 1)))
    ),
    (
      "client_enrol",
      .clientEnrol(
        ClientEnrol(
          version: 1, clientID: 0x0506_0708, credential: ramp(168, from: 2),
          identityKey: ramp(32, from: 3), checkpointSize: 3, signature: ramp(64, from: 4)))
    ),
    (
      "welcome",
      .welcome(
        Welcome(
          clientID: 7, policy: Array(#"{"a":1}"#.utf8), policySignature: ramp(64, from: 5),
          checkpoint: ramp(5, from: 8), consistency: ramp(64, from: 7),
          revocations: ramp(9, from: 6),
          catalogueHash: ramp(32, from: 9),
          featuresHash: [UInt8](repeating: 0, count: 32), modelHash: ramp(32, from: 10)))
    ),
    ("refused", .refused(Refused(.usedToken, "redeemed by Zo\u{EB}"))),
    (
      "ask_keys",
      .askKeys(AskKeys(coordinatorKey: ramp(32, from: 70), checkpointSize: 1 << 33 | 9))
    ),
    (
      "keys_shown",
      .keysShown(
        KeysShown(changes: [
          .init(
            index: 1 << 33 | 11, line: ramp(10, from: 71), path: ramp(32, from: 72),
            checkpoint: ramp(6, from: 73), consistency: ramp(64, from: 74)),
          .init(
            index: 1 << 33 | 12, line: ramp(11, from: 75), path: [],
            checkpoint: ramp(7, from: 76), consistency: []),
        ]))
    ),
    ("keys_shown_none", .keysShown(KeysShown(changes: []))),
    (
      "offer",
      .offer(
        Offer(
          round: round, planIndex: 1, modelHash: ramp(32, from: 11),
          catalogueHash: ramp(32, from: 12), policyHash: ramp(32, from: 13),
          roundKey: ramp(32, from: 14), dimension: 65_537, fractionBits: 20,
          noiseScale: 0x1234_5678_9ABC, deadlineSeconds: 300, signature: ramp(64, from: 15)))
    ),
    (
      "offer_in_block",
      .offer(
        Offer(
          round: round, planIndex: 3, modelHash: ramp(32, from: 11),
          catalogueHash: ramp(32, from: 12), policyHash: ramp(32, from: 13),
          roundKey: ramp(32, from: 14), dimension: 9, fractionBits: 18, noiseScale: 4_096,
          block: BlockPosition(start: round - 2, round: 2), deadlineSeconds: 300,
          signature: ramp(64, from: 15)))
    ),
    ("answer_join", .answer(Answer(round: round, joins: true))),
    ("answer_decline", .answer(Answer(round: round, joins: false))),
    ("proceed", .proceed(Proceed(round: round))),
    (
      "update_header",
      .updateHeader(
        UpdateHeader(
          round: round, ephemeralKey: ramp(32, from: 16), streamHeader: ramp(24, from: 17),
          chunkCount: 3, digest: ramp(32, from: 18), signature: ramp(64, from: 19)))
    ),
    (
      "update_chunk",
      .updateChunk(RoundChunk(round: round, index: 2, data: ramp(21, from: 20)))
    ),
    ("update_result_accepted", .updateResult(UpdateResult(round: round, rejection: nil))),
    (
      "update_result_refused",
      .updateResult(UpdateResult(round: round, rejection: .nonFinite))
    ),
    (
      "round_closed",
      .roundClosed(
        RoundClosed(
          round: round, outcome: .void, modelHash: ramp(32, from: 21),
          checkpoint: ramp(6, from: 22), reason: "quorum", signature: ramp(64, from: 23)))
    ),
    ("finished", .finished(Finished(reason: .budgetExhausted, modelHash: ramp(32, from: 24)))),
    ("finished_sum_lost", .finished(Finished(reason: .sumLost, modelHash: ramp(32, from: 24)))),
    (
      "ask_outcomes", .askOutcomes(AskOutcomes(rounds: [round, 7]))
    ),
    (
      "outcomes",
      .outcomes(
        Outcomes(closed: [
          RoundClosed(
            round: 7, outcome: .burned, modelHash: ramp(32, from: 28),
            checkpoint: ramp(6, from: 29), reason: "", signature: ramp(64, from: 30)),
          RoundClosed(
            round: round, outcome: .released, modelHash: ramp(32, from: 31),
            checkpoint: ramp(6, from: 32), reason: "", signature: ramp(64, from: 33)),
        ]))
    ),
    ("outcomes_none", .outcomes(Outcomes(closed: []))),
    (
      "ledger_shown",
      .ledgerShown(
        LedgerShown(
          heldSize: 1 << 33 | 9, checkpoint: ramp(6, from: 61), consistency: ramp(64, from: 62),
          entries: [
            .init(index: 1 << 33 | 11, line: ramp(10, from: 63), path: ramp(32, from: 64)),
            .init(index: 1 << 33 | 12, line: ramp(11, from: 65), path: []),
          ]))
    ),
    (
      "ledger_shown_unchanged",
      .ledgerShown(LedgerShown(heldSize: 7, checkpoint: [5], consistency: [], entries: []))
    ),
    ("fetch_blob", .fetchBlob(FetchBlob(hash: ramp(32, from: 25)))),
    (
      "blob_chunk",
      .blobChunk(
        BlobChunk(hash: ramp(32, from: 26), index: 1, count: 3, data: ramp(7, from: 27)))
    ),
    (
      "blob_missing",
      .blobChunk(BlobChunk(hash: ramp(32, from: 26), index: 0, count: 0, data: []))
    ),
    (
      "advertise",
      .advertise(Advertise(round: round, advert: advert(0x0102_0304, from: 30)))
    ),
    (
      "round_roster",
      .roundRoster(
        RoundRoster(
          round: round, memberCount: 300, parameters: ramp(41, from: 35), digest: ramp(32, from: 36)
        ))
    ),
    (
      "roster_chunk",
      .rosterChunk(RoundChunk(round: round, index: 1, data: ramp(11, from: 37)))
    ),
    (
      "shares",
      .shares(
        Shares(
          round: round,
          bundle: ShareBundle(
            clientID: 5, shares: [share(6, from: 38), share(9, from: 40)],
            seedCommitment: ramp(32, from: 41), signature: ramp(64, from: 42))))
    ),
    (
      "deliver",
      .deliver(
        Deliver(round: round, sharers: ramp(38, from: 43), shares: [share(6, from: 44)]))
    ),
    (
      "masked_header",
      .maskedHeader(
        MaskedHeader(
          round: round, chunkCount: 2,
          header: MaskedUpdateHeader(digest: ramp(32, from: 46), signature: ramp(64, from: 47))))
    ),
    ("survivors", .survivors(Survivors(round: round, survivors: ramp(38, from: 48)))),
    (
      "agree",
      .agree(Agree(round: round, checkpointSize: 77, signature: ramp(64, from: 49)))
    ),
    (
      "proof",
      .proof(
        Proof(
          round: round,
          signatures: [
            AgreementSignature(clientID: 6, signature: ramp(64, from: 50)),
            AgreementSignature(clientID: 9, signature: ramp(64, from: 51)),
          ], receipt: ramp(40, from: 52), heldSize: 77, consistency: ramp(64, from: 53)))
    ),
    (
      "unmask",
      .unmask(
        Unmask(
          round: round,
          revealed: RevealedShares(
            clientID: 5,
            shares: [
              RevealedShare(ownerID: 6, share: ramp(32, from: 54)),
              RevealedShare(ownerID: 9, share: ramp(32, from: 55)),
            ])))
    ),
    (
      "refuse_round",
      .refuseRound(
        RefuseRound(round: round, reason: .wrongCharge, signature: ramp(64, from: 56)))
    ),
    (
      "refuse_round_masking",
      .refuseRound(
        RefuseRound(
          round: round, reason: .masking(.secondSurvivorSet), signature: ramp(64, from: 57)))
    ),
    (
      "ask_credentials",
      .askCredentials(AskCredentials(round: round, members: ramp(38, from: 58)))
    ),
    (
      "credentials",
      .credentials(RoundChunk(round: round, index: 1, data: ramp(13, from: 59)))
    ),
    (
      "unreadable_shares",
      .unreadableShares(UnreadableShares(round: round, dealers: ramp(38, from: 60)))
    ),
  ]

  private static func advert(_ id: UInt32, from start: Int) -> MaskingAdvert {
    MaskingAdvert(
      clientID: id, channelKey: ramp(32, from: start), maskKey: ramp(32, from: start + 1),
      signature: ramp(64, from: start + 4))
  }

  private static func share(_ id: UInt32, from start: Int) -> EncryptedShare {
    EncryptedShare(peerID: id, ciphertext: ramp(81, from: start + 1))
  }

  /// The largest message: a full chunk.
  static let largest = Message.blobChunk(
    BlobChunk(
      hash: ramp(32, from: 1), index: 255, count: 256,
      data: ramp(FrameLimits.maximumChunkBytes, from: 0)))
}
