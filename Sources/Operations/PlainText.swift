/// Text for a screen.
package enum PlainText {
  /// `text` with every control character (line breaks and terminal escapes too) made visible as a
  /// space or U+FFFD, so that a file name or a peer's words cannot drive the terminal.
  package static func line(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control: scalars.append(scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}")
      case .lineSeparator, .paragraphSeparator: scalars.append(" ")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// Columns that `text` takes: one a character, two for East Asian wide characters and emoji.
  package static func columns(_ text: String) -> Int {
    text.reduce(0) { $0 + columns($1) }
  }

  /// `text` cut to at most `width` columns; the last one is `…` where something was cut.
  package static func truncated(_ text: String, to width: Int) -> String {
    guard columns(text) > width else { return text }
    guard width > 0 else { return "" }
    var result = ""
    var used = 0
    for character in text {
      let columns = columns(character)
      if used + columns > width - 1 { break }
      result.append(character)
      used += columns
    }
    return result + "…"
  }

  // Unicode Standard Annex 11, the ranges that are wide in practice.
  private static func columns(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    let isWide =
      switch scalar.value {
      case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
        0x20000...0x3FFFD:
        true
      default: false
      }
    return isWide ? 2 : 1
  }
}
