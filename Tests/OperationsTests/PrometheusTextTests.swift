import Operations
import Testing

@Suite("Prometheus text")
struct PrometheusTextTests {
  @Test("families are written as the format says, with escaped labels") func families() {
    var text = PrometheusText()
    text.value("tacit_ready", .gauge, help: "Whether.", 1)
    text.family(
      "tacit_rounds_total", .counter, help: "Rounds.",
      samples: [([("outcome", "a\"b\\c\nd")], 2), ([("outcome", "void")], 0.25)])
    #expect(
      text.text == """
        # HELP tacit_ready Whether.
        # TYPE tacit_ready gauge
        tacit_ready 1
        # HELP tacit_rounds_total Rounds.
        # TYPE tacit_rounds_total counter
        tacit_rounds_total{outcome="a\\"b\\\\c\\nd"} 2
        tacit_rounds_total{outcome="void"} 0.25

        """)
  }

  @Test("histogram buckets are cumulative, and the last one holds all") func histogram() {
    var histogram = Histogram(bounds: [1, 5])
    for value in [0.5, 1, 3, 60] { histogram.observe(value) }
    var text = PrometheusText()
    text.histogram("t_seconds", help: "T.", histogram)
    #expect(
      text.text == """
        # HELP t_seconds T.
        # TYPE t_seconds histogram
        t_seconds_bucket{le="1"} 2
        t_seconds_bucket{le="5"} 3
        t_seconds_bucket{le="+Inf"} 4
        t_seconds_sum 64.5
        t_seconds_count 4

        """)
  }

  @Test("numbers that are not finite have their names") func special() {
    var text = PrometheusText()
    text.value("t", .gauge, help: "T.", .infinity)
    text.value("u", .gauge, help: "U.", .nan)
    #expect(text.text.contains("t +Inf\n") && text.text.contains("u NaN\n"))
  }
}
