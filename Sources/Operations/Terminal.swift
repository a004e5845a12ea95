internal import Glibc

/// What a stream can show.
package struct Terminal: Equatable, Sendable {
  /// Width where none is known, and of everything that is not a terminal.
  package static let defaultWidth = 80

  /// Whether a line may be drawn over. False for files, pipes and `TERM=dumb`.
  package let canRedraw: Bool
  /// Whether text may be coloured. False also where `NO_COLOR` is set and not empty.
  package let usesColor: Bool
  /// Columns, at least 20.
  package let width: Int

  /// - Parameters:
  ///   - isTerminal: whether the stream is connected to one.
  ///   - columns: the terminal's width, nil if it is not known.
  ///   - environment: looks a variable up.
  package init(isTerminal: Bool, columns: Int?, environment: (String) -> String?) {
    let isCapable = isTerminal && !["", "dumb"].contains(environment("TERM") ?? "")
    canRedraw = isCapable
    usesColor = isCapable && (environment("NO_COLOR") ?? "").isEmpty
    width = isTerminal ? max(20, columns ?? Self.defaultWidth) : Self.defaultWidth
  }

  /// The process's standard output.
  package static func standardOutput() -> Terminal { of(descriptor: STDOUT_FILENO) }

  /// The process's standard error.
  package static func standardError() -> Terminal { of(descriptor: STDERR_FILENO) }

  /// A style that is never the only carrier of a meaning.
  package enum Style: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  /// `text` in a style where the stream can show it, else unchanged.
  package func styled(_ text: String, _ style: Style) -> String {
    usesColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  private static func of(descriptor: Int32) -> Terminal {
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return Terminal(
      isTerminal: isatty(descriptor) == 1, columns: isKnown ? Int(size.ws_col) : nil
    ) { name in
      getenv(name).map { String(cString: $0) }
    }
  }
}
