/// A ledger of format 1, from before the tree: the demo's, two rounds released, with the head and
/// the checkpoint of its coordinator. Such ledgers must stay readable.
enum FormatOneLedger {
  static let lines = [
    #"{"body":{"coordinator_key":"00da0a082e8d2543daa6051b88015431ba7c9e3f2ec1357cb3c0"#
      + #"2777da0d5e56","created_at_seconds":1795647052,"enrolment_key_held_by_coordinator"#
      + #"":true,"filter":"gdp","format":1,"ledger_id":"e2e84989b10ef51a789495095e6a93eb","#
      + #""policy":{"delta":"0.00001","epsilon_limit":"8","federation":"online-retail","fi"#
      + #"lter":"gdp","format":1,"hyperparameters":{},"maximum_cohort":3613,"minimum_cohor"#
      + #"t":1806,"mode":"sealed","model":"gram","plan":[{"clip_norm":"1","noise_multiplie"#
      + #"r":"1.8981","stage":"popularity"},{"clip_norm":"1","noise_multiplier":"0.632697""#
      + #","stage":"gram"}],"relation":"zero-out","retention_days":365,"round_deadline_sec"#
      + #"onds":240,"target_cohort":3613,"unit":"user"},"policy_hash":"9df386e64341b108adf"#
      + #"7410625a5376f393daf9897d9853d86d0bde62704597b","software_version":"0.1.0"},"inde"#
      + #"x":0,"kind":"genesis","prev":"00000000000000000000000000000000000000000000000000"#
      + #"00000000000000"}"#,
    #"{"body":{"catalogue_hash":"f8856ffa607c7c4d815145cc733ba101cedaea84dd524f084a9a7"#
      + #"13e8bff2d8b","deadline_seconds":240,"mode":"sealed","model_in":"d9e61b2ff99df628"#
      + #"b3a01cbf9b3b8edbd68e49c8fea6ad6fa9b934de1189e264","plan_index":0,"policy_hash":""#
      + #"9df386e64341b108adf7410625a5376f393daf9897d9853d86d0bde62704597b","round":1,"sta"#
      + #"ge":"popularity"},"index":1,"kind":"offer","prev":"bcb4936fb31304fb604db74f05212"#
      + #"374d279acf6fdafddb7ab1ffd32f44838df"}"#,
    #"{"body":{"clip_norm":"1","cohort_minimum":1806,"count":1,"dimension":3659,"filte"#
      + #"r":"gdp","fraction_bits":19,"mechanism":"discrete_gaussian","mode":"sealed","noi"#
      + #"se_multiplier":"1.8981","protocol_delta":"0","relation":"zero-out","rng":"system"#
      + #"","round":1,"scale":995152,"sensitivity":524288,"unit":"user"},"index":2,"kind":"#
      + #""charge","prev":"3cda063b09f921c39aae1d14211aa2d691d7c7e27beb056f59d980bbbcaa754"#
      + #"6"}"#,
    #"{"body":{"charge_index":2,"epsilon_after":"2.113062644361184","model_out":"292c9"#
      + #"1c690b972b7ff60f251eb1d54bacfaf1022e0ec34e5b401b15a6740a99f","mu_squared_after":"#
      + #""0.27756263063167147","round":1},"index":3,"kind":"release","prev":"201dcb57f9f3"#
      + #"24e116f774326e7800a1458bca82df0c281413ecc3c26cad33ba"}"#,
    #"{"body":{"catalogue_hash":"f8856ffa607c7c4d815145cc733ba101cedaea84dd524f084a9a7"#
      + #"13e8bff2d8b","deadline_seconds":240,"mode":"sealed","model_in":"292c91c690b972b7"#
      + #"ff60f251eb1d54bacfaf1022e0ec34e5b401b15a6740a99f","plan_index":1,"policy_hash":""#
      + #"9df386e64341b108adf7410625a5376f393daf9897d9853d86d0bde62704597b","round":2,"sta"#
      + #"ge":"gram"},"index":4,"kind":"offer","prev":"636fb196edf4a6c270c1eab0c9cde82dae2"#
      + #"a8780f08e3708a19b1ee7efa349cd"}"#,
    #"{"body":{"clip_norm":"1","cohort_minimum":1806,"count":1,"dimension":193131,"fil"#
      + #"ter":"gdp","fraction_bits":19,"mechanism":"discrete_gaussian","mode":"sealed","n"#
      + #"oise_multiplier":"0.632697","protocol_delta":"0","relation":"zero-out","rng":"sy"#
      + #"stem","round":2,"scale":331716,"sensitivity":524288,"unit":"user"},"index":5,"ki"#
      + #"nd":"charge","prev":"e08c40c16f37107f9bbd8ede8479e0d986544aadfe226c5a7b9e1d2c8b2"#
      + #"7f777"}"#,
    #"{"body":{"charge_index":5,"epsilon_after":"7.999979861419916","model_out":"2de6d"#
      + #"7e0a9dd9776a8cd9404f1679317e77901c834ff1787c5bf7a8ceef97378","mu_squared_after":"#
      + #""2.7756463886269676","round":2},"index":6,"kind":"release","prev":"0f7730ac43859"#
      + #"fda5671cd25112041854ad83a6c80299994f2f944644057256d"}"#,
  ]
  static let head =
    #"{"bytes":3168,"root":"4f23f343a3d641f28a7aa5dcd0d6e0049fa23fa8ef0fb83b67aa2222"#
    + #"7a24c6b6","size":7}"# + "\n"
  static let checkpoint = """
    tacit-ledger/1/e2e84989b10ef51a789495095e6a93eb
    7
    TyPzQ6PWQfKKeqXc0NbgBJ+iP6jvD7g7Z6oiInokxrY=

    \u{2014} tacit-ledger/1/e2e84989b10ef51a789495095e6a93eb \
    8FaUY9TEj8dHJROsllsTtKe/g4Mv938heW476Byj3BPXd9TrTS0Jx2X2vpPdmUPSVvho2y9wnbutiCO4G5ArDeHKQQY=

    """
}
