import Operations
import Synchronization
import Testing

@Suite struct ProgressReporterTests {
  /// A clock moved by hand and everything that was written.
  private final class Stage: Sendable {
    let time = Mutex(Duration.seconds(100))
    let output = Mutex<[String]>([])

    func reporter(redraws: Bool, width: Int = 80, total: Int = 200) -> ProgressReporter {
      ProgressReporter(
        title: "training", unit: "rounds", total: total,
        terminal: Terminal(isTerminal: redraws, columns: width) { _ in "xterm" },
        now: { self.time.withLock { $0 } },
        write: { text in self.output.withLock { $0.append(text) } })
    }

    func pass(_ duration: Duration) { time.withLock { $0 += duration } }

    var written: [String] { output.withLock { $0 } }
  }

  @Test("off a terminal: nothing before two seconds, then at most a line every five, and the end")
  func lines() {
    let stage = Stage()
    let reporter = stage.reporter(redraws: false)
    for done in 1...150 {
      stage.pass(.milliseconds(100))
      reporter.update(done: done)
    }
    reporter.finish()
    #expect(
      stage.written == [
        "training: 20 of 200 rounds  10 %  10 rounds/s  18 s left\n",
        "training: 70 of 200 rounds  35 %  10 rounds/s  13 s left\n",
        "training: 120 of 200 rounds  60 %  10 rounds/s  8.0 s left\n",
        "training: 150 of 200 rounds  75 %  10 rounds/s  took 15 s\n",
      ])
  }

  @Test("on a terminal: one line drawn over at most ten times a second, and kept at the end")
  func redraws() {
    let stage = Stage()
    let reporter = stage.reporter(redraws: true)
    stage.pass(.seconds(2))
    reporter.advance(by: 2)
    stage.pass(.milliseconds(50))
    reporter.advance()
    stage.pass(.milliseconds(50))
    reporter.advance()
    reporter.finish()
    reporter.finish()
    reporter.advance()
    let written = stage.written
    #expect(
      written == [
        "\rtraining: 2 of 200 rounds  1 %  1.0 rounds/s  3 min 18 s left\u{1B}[K",
        "\rtraining: 4 of 200 rounds  2 %  1.9 rounds/s  1 min 43 s left\u{1B}[K",
        "\rtraining: 4 of 200 rounds  2 %  1.9 rounds/s  took 2.1 s\u{1B}[K\n",
      ])
  }

  @Test("a drawn line never reaches the last column")
  func narrow() {
    let stage = Stage()
    let reporter = stage.reporter(redraws: true, width: 24)
    stage.pass(.seconds(3))
    reporter.update(done: 7)
    #expect(stage.written == ["\rtraining: 7 of 200 rou…\u{1B}[K"])
  }

  @Test("a short work says only that it is done; numbers never go back or over the total")
  func shortWork() {
    let stage = Stage()
    let reporter = stage.reporter(redraws: false, total: 3)
    reporter.update(done: 2)
    reporter.update(done: 1)
    reporter.advance(by: 9)
    reporter.finish()
    #expect(stage.written == ["training: 3 of 3 rounds  100 %  took 0.0 s\n"])
  }

  @Test("counts from several tasks at once all arrive")
  func concurrent() async {
    let stage = Stage()
    let reporter = stage.reporter(redraws: false, total: 4_000)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<1_000 { reporter.advance() }
        }
      }
    }
    reporter.finish()
    #expect(stage.written.last?.hasPrefix("training: 4,000 of 4,000 rounds") == true)
  }
}
