import Operations
import Testing

@Suite struct TerminalTests {
  private func terminal(
    _ environment: [String: String], isTerminal: Bool = true, columns: Int? = 120
  ) -> Terminal {
    Terminal(isTerminal: isTerminal, columns: columns) { environment[$0] }
  }

  @Test("a capable terminal has colour, redrawing and its own width")
  func capable() {
    let capable = terminal(["TERM": "xterm"])
    #expect(capable.usesColor && capable.canRedraw && capable.width == 120)
    #expect(capable.styled("x", .bold) == "\u{1B}[1mx\u{1B}[0m")
  }

  @Test("NO_COLOR switches colour off and nothing else; empty it means nothing")
  func noColor() {
    let plain = terminal(["TERM": "xterm", "NO_COLOR": "1"])
    #expect(!plain.usesColor && plain.canRedraw)
    #expect(plain.styled("x", .red) == "x")
    #expect(terminal(["TERM": "xterm", "NO_COLOR": ""]).usesColor)
  }

  @Test("a dumb terminal, or one of no known kind, gets plain lines", arguments: ["dumb", ""])
  func dumb(term: String) {
    let dumb = terminal(["TERM": term])
    #expect(!dumb.usesColor && !dumb.canRedraw && dumb.width == 120)
  }

  @Test("a file or pipe gets plain lines of 80 columns")
  func notTerminal() {
    let file = terminal(["TERM": "xterm"], isTerminal: false)
    #expect(!file.usesColor && !file.canRedraw && file.width == 80)
  }

  @Test("an unknown width is 80 and a silly one is 20")
  func widths() {
    #expect(terminal(["TERM": "xterm"], columns: nil).width == 80)
    #expect(terminal(["TERM": "xterm"], columns: 3).width == 20)
  }
}
